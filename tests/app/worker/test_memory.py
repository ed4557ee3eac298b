"""What a worker holds of a partition is free as soon as it is dropped, without any collection.

A worker collects seldom (see ``app.worker.garbage``): a state in a cycle would stay for hours.
"""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
from confluent_kafka import Message

from agents.store import MemoryStore
from app.kafka.partitions import TP
from app.pipeline.load import Pipeline, load_pipeline
from app.pipeline.stages import Stage, stages
from app.worker.state.restore import Restored
from tests.app.support import Opened
from topics.records import Batch

PIPELINES = Path(__file__).parents[3] / "pipelines"


@pytest.fixture
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def fresh(pipeline: Pipeline) -> Mapping[tuple[Stage, int], Restored]:
    return {
        (stage, partition): Restored(MemoryStore(), dict.fromkeys(stage.inputs))
        for stage in stages(pipeline)
        for partition in range(2)
    }


def opened(file: Path) -> tuple[Opened, Pipeline]:
    pipeline = load_pipeline(file, {}, {})
    partitions = {topic: 2 for stage in stages(pipeline) for topic in stage.inputs}
    return Opened(pipeline, partitions), pipeline


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("file", sorted(PIPELINES.glob("*.toml")), ids=lambda file: file.stem)
def test_tasks_that_are_forgotten_are_gone(file: Path) -> None:
    made, pipeline = opened(file)
    made.open(fresh(pipeline))
    held = [
        (f"{at}: {name}", weakref.ref(getattr(task, name)))
        for at, task in made.tasks.items()
        for name in ("state", "agent", "log")
    ]
    made.assignment.drop()
    assert [name for name, ref in held if ref() is not None] == []


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("file", sorted(PIPELINES.glob("*.toml")), ids=lambda file: file.stem)
def test_an_assignment_leaves_no_garbage_behind(file: Path) -> None:
    made, pipeline = opened(file)
    made.open(fresh(pipeline))
    made.assignment.drop()
    gc.collect()
    made.open(fresh(pipeline))
    made.assignment.drop()
    assert gc.collect() == 0


FILE = """\
name = "p"
[events]
topic = "events"
id = "id"
[labels]
topic = "labels"
[predictions]
topic = "said"
[learner]
type = "passive_aggressive"
"""
WAITING = 20_000
"""Events; the state of so many takes about 10 MB."""


def events() -> list[Any]:
    return [
        Message(
            topic="events",
            partition=0,
            offset=n,
            key=b"k",
            value=json.dumps({"id": n, "x": n / 7, "z": 1.0}).encode(),
            timestamp=(1, 1_000 + n),
        )
        for n in range(WAITING)
    ]


@pytest.mark.long
@pytest.mark.usefixtures("no_collection")
def test_memory_is_flat_over_many_assignments_with_events_that_wait(tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text(FILE)
    made, pipeline = opened(file)
    records, process = events(), psutil.Process()
    at, used = TP("events", 0), []
    for _ in range(12):
        made.open(fresh(pipeline))
        ends = {"events": WAITING}
        assert made.process(Batch(*at, records, ends=ends))
        assert made.assignment.labels.waiting == WAITING
        made.tasks[at].take()
        made.assignment.drop()
        used.append(process.memory_info().rss)
    grown = (used[-1] - used[3]) / 1e6
    assert grown < 10, f"{grown:.0f} MB more after 8 assignments"
