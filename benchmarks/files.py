"""How many files' code runs for one batch, in a worker with all partitions, without Kafka.

python -m benchmarks.files [--list]

Only what the interpreter runs is seen: not what is compiled, nor what ran once before.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from app.fraud.handbook import Size, simulate
from app.pipeline.load import Pipeline, load_pipeline
from app.pipeline.stages import stages
from app.replay.records import channels, records
from app.worker.assignment import Assignment
from app.worker.processor import Processor
from app.worker.state.restore import Restored
from app.worker.state.stores import Stores
from app.worker.task_builder import TaskBuilder
from benchmarks.fraud import FILE, Trial, source
from benchmarks.fraud_in_process import Kept
from benchmarks.in_process import pipeline_of
from topics.records import Batch, Record

ROOT = Path(__file__).parents[1]
ROOMS = ("agents", "app", "learners", "topics")
SIZE = 1_000
"""Records of a batch."""

PLAIN = """name = "plain"
[events]
topic = "events"
id = "id"
label = "label"
features = ["x", "y"]
[learner]
type = "passive_aggressive"
scale = true
[predictions]
topic = "predictions"
"""


def main(arguments: Sequence[str]) -> None:
    """A JSON line for each pipeline."""
    for name, (pipeline, batches) in {"plain": _plain(), "fraud": _fraud()}.items():
        found = sorted(files_of(pipeline, batches))
        rooms = {room: sum(file.startswith(room) for file in found) for room in ROOMS}
        row: dict[str, Any] = {"pipeline": name, "files": len(found), **rooms}
        print(json.dumps(row | ({"which": found} if "--list" in arguments else {})))


def files_of(pipeline: Pipeline, batches: Iterator[list[Record]]) -> set[str]:
    """The files whose code runs for the last batch, to the records of its commit."""
    assignment, processor = Assignment(), Processor()
    inputs = stages(pipeline)[0].inputs
    counts = {topic: 1 for stage in stages(pipeline) for topic in stage.inputs}
    fresh = {
        (stage, 0): Restored(Stores(pipeline).new(), dict.fromkeys(stage.inputs))
        for stage in stages(pipeline)
    }
    TaskBuilder(pipeline, counts).open(assignment, fresh, at_once=True)
    seen: set[str] = set()

    def process(number: int, some: list[Record]) -> None:
        places = list(range(number * SIZE, number * SIZE + len(some)))
        batch = Batch(*(inputs[0], 0, some, assignment), number=number, places=places)
        assert processor.process(batch)
        for task in assignment.due:
            task.committed(task.take())

    *before, last = enumerate(batches)
    for each in before:
        process(*each)
    sys.setprofile(lambda frame, event, _: seen.add(frame.f_code.co_filename))
    try:
        process(*last)
    finally:
        sys.setprofile(None)
    assignment.drop()
    paths = [Path(file) for file in seen if Path(file).is_relative_to(ROOT)]
    named = {str(path.relative_to(ROOT)) for path in paths}
    return {name for name in named if name.split("/")[0] in ROOMS}


def _plain() -> tuple[Pipeline, Iterator[list[Record]]]:
    values = [
        json.dumps({"id": n, "x": n % 7 / 7, "y": n % 5, "label": n % 2 == 0}).encode()
        for n in range(3 * SIZE)
    ]
    kept: list[Record] = [
        Kept(("events", n, b"", value, n, None)) for n, value in enumerate(values)
    ]
    return pipeline_of(PLAIN), _cut(kept)


def _fraud() -> tuple[Pipeline, Iterator[list[Record]]]:
    size = Size(cards=200, terminals=400, days=45)
    trial = Trial(size=size)
    pipeline, history = load_pipeline(FILE, trial.overrides(), {}), source(simulate(size), trial)
    ends = dict.fromkeys(stages(pipeline)[0].inputs, 0)
    kept: list[Record] = []
    for sent in records(history, history.read(), channels(pipeline, history)):
        kept.append(
            Kept((sent.topic, ends[sent.topic], sent.key, sent.value, sent.timestamp, None))
        )
        ends[sent.topic] += 1
    return pipeline, _cut(kept)


def _cut(kept: Sequence[Record]) -> Iterator[list[Record]]:
    return (list(kept[first : first + SIZE]) for first in range(0, len(kept), SIZE))


if __name__ == "__main__":
    main(sys.argv[1:])
