"""A River forest of 40 trees learned by one learner, and by four that divide the trees.

The learners of a pipeline without Kafka: each decodes the same blocks of labelled rows, learns its
trees, and makes a version of its share after each batch, as in a transaction. What counts is the
CPU time of the slowest: that of a label, where each learner has a core. On a machine with fewer
cores than learners the wall clock would show little. Accuracy is prequential: each row is scored
by all trees before it is learned.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from time import process_time
from typing import Any

from confluent_kafka import Message
from river import datasets

from agents.shared.rows import Origin, RowBlock
from agents.state import State
from app.pipeline.load import Pipeline
from app.pipeline.models import new_model
from app.pipeline.stages import stages
from app.worker.agent_builder import AgentBuilder
from benchmarks.in_process import pipeline_of
from learners.saved import snapshots
from topics.records import Batch, Source

Event = tuple[dict[str, Any], Any]

TREES, LEARNERS = 40, 4
BLOCK, BLOCKS = 50, 4
"""Rows of a block, and blocks of a batch: what comes between two commits."""
STREAMS: dict[str, Callable[[], Iterable[Event]]] = {
    "Bananas": datasets.Bananas,
    "ImageSegments": datasets.ImageSegments,
}
FILE = """
name = "bench"
[events]
topic = "events"
id = "id"
features = {features}
label = "y"
[predictions]
topic = "predictions"
[learner]
type = "river.forest.ARFClassifier"
n_models = {trees}
seed = 1
shared = "learner"
learners = {learners}
"""


def pipeline(features: Sequence[str], learners: int, trees: int = TREES) -> Pipeline:
    """A forest, divided among so many learners."""
    said = json.dumps(list(features))
    return pipeline_of(FILE.format(features=said, learners=learners, trees=trees))


def batches(events: Sequence[Event]) -> list[Batch]:
    """The events as blocks of labelled rows."""
    records: list[Any] = []
    for start in range(0, len(events), BLOCK):
        block = RowBlock()
        for i, (x, y) in enumerate(events[start : start + BLOCK], start):
            origin = Origin(f"event {i}", b"card", Source("events", 0, i), i)
            block.add(x, y, origin, i)
        records.append(Message("bench.rows.v1", 0, len(records), None, block.encode()))
    return [
        Batch("bench.rows.v1", 0, records[start : start + BLOCKS])
        for start in range(0, len(records), BLOCKS)
    ]


def seconds_of(made: Pipeline, learner: int, given: Sequence[Batch]) -> float:
    """CPU seconds of one learner for all rows."""
    model = new_model(made, learner)
    agent = AgentBuilder(made, stages(made)[-1], learner, 1, State(), model).learning()
    started = process_time()
    for batch in given:
        agent.process(batch, {})
        snapshots.dump(model, {})
    return process_time() - started


def accuracy(made: Pipeline, events: Sequence[Event]) -> float:
    """The share of the rows whose label all trees together tell before it is learned."""
    model, right = new_model(made), 0
    for x, y in events:
        right += model.run([x], [y]).predictions == [y]
    return right / len(events)


def run(bootstrap: str = "", *, quick: bool = False) -> Iterator[dict[str, Any]]:
    """A row for each stream and number of learners."""
    for name, stream in STREAMS.items():
        events = list(islice(stream(), 100 if quick else None))
        names = tuple(sorted(events[0][0]))
        given, trees = batches(events), 8 if quick else TREES
        for learners in (1, LEARNERS):
            made = pipeline(names, learners, trees)
            seconds = max(seconds_of(made, n, given) for n in range(learners))
            yield {
                "benchmark": "spread",
                "stream": name,
                "rows": len(events),
                "trees": trees,
                "learners": learners,
                "accuracy": round(accuracy(made, events), 4),
                "rows_a_cpu_second_of_the_slowest": round(len(events) / seconds),
            }
