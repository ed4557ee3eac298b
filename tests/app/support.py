"""What the tests of the worker's parts share: a pipeline, its tasks, batches for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from confluent_kafka import Message

from agents.store import MemoryStore
from app.kafka.partitions import TP
from app.pipeline.load import Pipeline, load_pipeline
from app.pipeline.stages import Stage
from app.worker.assignment import Assignment
from app.worker.processor import Counters, Processor
from app.worker.state.checks import checked
from app.worker.state.reader import StateReader
from app.worker.state.restore import Restored
from app.worker.task_builder import TaskBuilder
from app.worker.tasks import Change, Task
from learners.model import Model
from topics.records import Batch

EVENTS = "cards"
STAGE = Stage((EVENTS,), "p.state.v1")
"""The one stage of the pipeline ``p``."""


def pipeline(folder: Path, learner: str = "passive_aggressive", extra: str = "") -> Pipeline:
    """A pipeline named ``p``."""
    file = folder / "p.toml"
    file.write_text(
        f'name = "p"\n[events]\ntopic = "{EVENTS}"\nid = "id"\nlabel = "y"\n'
        f'[predictions]\ntopic = "said"\n[learner]\ntype = "{learner}"\n{extra}'
    )
    return load_pipeline(file, environ={})


class Opened:
    """A processor with an assignment, as a worker has them.

    Args:
        pipeline: What to do.
        partitions: How many each topic has.
    """

    def __init__(
        self, pipeline: Pipeline, partitions: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self.builder = TaskBuilder(pipeline, partitions)
        self.processor = Processor()
        self.assignment = Assignment()

    @property
    def tasks(self) -> Mapping[TP, Task]:
        return self.assignment.tasks

    @property
    def counters(self) -> Counters:
        return self.processor.counters

    def open(
        self, restored: Mapping[tuple[Stage, int], Restored], *, at_once: bool = False
    ) -> None:
        """The next assignment, in place of the last one."""
        self.assignment.drop()
        self.assignment = Assignment()
        self.builder.open(self.assignment, restored, at_once=at_once)

    def process(self, batch: Batch) -> bool:
        """A batch that was fetched in this assignment."""
        return self.processor.process(replace(batch, assignment=self.assignment))


def opened(folder: Path, *partitions: int, offset: int | None = None, extra: str = "") -> Opened:
    """A processor with tasks that have learned nothing."""
    made = Opened(pipeline(folder, extra=extra))
    made.open({(STAGE, p): Restored({}, {EVENTS: offset}) for p in partitions})
    return made


def model(task: Task) -> Model:
    """The model of a task of the stage that scores."""
    assert task.agent.model is not None
    return task.agent.model


def restored(change: Change) -> Restored:
    """What the next worker finds, once ``change`` is committed."""
    reader = StateReader(MemoryStore())
    for row in change.state:
        reader.apply(*row)
    checked(reader)
    return Restored(reader.store, dict(change.offsets), inventory=reader.inventory)


def batch(partition: int = 0, first: int = 0, count: int = 3, *, number: int = 0) -> Batch:
    """Events at the offsets from ``first``, each with a label."""
    records = [record(i, {"id": i, "x": float(i), "y": i % 2}) for i in range(first, first + count)]
    return Batch(EVENTS, partition, records, number=number)


def record(offset: int, event: Mapping[str, Any]) -> Any:
    """An event as Kafka hands it out."""
    value = json.dumps(event).encode()
    return Message(
        topic=EVENTS, partition=0, offset=offset, key=b"k", value=value, timestamp=(1, 1_000)
    )
