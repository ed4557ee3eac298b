"""What one learner of all partitions carries: rows a second that it takes from blocks.

The learner of a pipeline without Kafka: it decodes blocks of labelled rows, learns them, and makes
a version of its model after each batch, as a worker does in a transaction. Its CPU time counts, so
that other work on the machine does not.

python -m benchmarks.shared_learner [--workers N ...] [--partitions N] adds what that means for some
numbers of workers, by the measured costs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from time import process_time
from typing import Any

import numpy as np
from confluent_kafka import Message

from agents.shared.learning import Learning
from agents.shared.rows import Origin, RowBlock
from agents.state import State
from app.pipeline.load import Pipeline
from app.pipeline.models import new_model
from app.pipeline.stages import stages
from app.worker.agent_builder import AgentBuilder
from benchmarks.in_process import pipeline_of
from learners.saved import snapshots
from topics.records import Batch, Source

FEATURES = 15
COMMITS = 10
"""A second, under load."""
BLOCK, BLOCKS = 2_000, 10
"""Rows of a block, and blocks of a batch: what comes between two commits under load."""
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
type = "{learner}"
scale = true
shared = "learner"
"""


def pipeline(learner: str = "logistic_regression") -> Pipeline:
    """One of `FEATURES` features."""
    features = json.dumps([f"x{i}" for i in range(FEATURES)])
    return pipeline_of(FILE.format(features=features, learner=learner))


def blocks(count: int, rows: int = BLOCK, seed: int = 1) -> list[bytes]:
    """Blocks of labelled rows as they lie on Kafka."""
    draw = np.random.default_rng(seed)
    names = tuple(f"x{i}" for i in range(FEATURES))
    made = []
    for n in range(count):
        block, values = RowBlock(names), draw.normal(size=(rows, FEATURES))
        for i, row in enumerate(values):
            origin = Origin(f"event-{n}-{i}", b"card-%d" % i, Source("events", i % 4, i), i)
            block.add(row.tobytes(), bool(row[0] > row[1]), origin, i)
        made.append(block.encode())
    return made


def learned(values: list[bytes], batches: int) -> tuple[int, float]:
    """Rows, and the CPU seconds of the learner for them."""
    made = pipeline()
    model = new_model(made)
    model.warm_up(FEATURES)
    builder = AgentBuilder(made, stages(made)[-1], 0, 1, State(), model)
    learner: Learning = builder.learning()
    records: list[Any] = [Message("bench.rows.v1", 0, n, None, v) for n, v in enumerate(values)]
    learner.process(Batch("bench.rows.v1", 0, records), {})
    before, started = model.learned, process_time()
    for _ in range(batches):
        learner.process(Batch("bench.rows.v1", 0, records), {})
        snapshots.dump(model, {})
    return model.learned - before, process_time() - started


def scored(events: int) -> float:
    """CPU seconds of a scorer for an event with its label: decode, score, forward the row."""
    made = pipeline()
    model = new_model(made)
    model.warm_up(FEATURES)
    agent = AgentBuilder(made, stages(made)[0], 0, 1, State(), model).agent()
    agent.warm_up()
    draw = np.random.default_rng(2)
    records: list[Any] = []
    for i, row in enumerate(draw.normal(size=(BLOCK, FEATURES)).tolist()):
        said = {"id": i, "y": row[0] > row[1], **{f"x{n}": x for n, x in enumerate(row)}}
        value = json.dumps(said).encode()
        records.append(Message("events", 0, i, b"card", value, timestamp=(1, i)))
    batch = Batch("events", 0, records)
    agent.process(batch)
    started = process_time()
    for _ in range(events // BLOCK):
        outputs = agent.process(batch)
        assert outputs.rows is not None
        outputs.rows.block.encode()
    return (process_time() - started) / (events // BLOCK * BLOCK)


@dataclass(frozen=True)
class Costs:
    """CPU seconds, as measured.

    Attributes:
        row: Of the learner, for a row from a large block.
        block: Of the learner, for a block by itself.
        event: Of a scorer, for an event with its label.
        version: Of a scorer, to take a version.
    """

    row: float
    block: float
    event: float
    version: float


def simulated(costs: Costs, workers: int, partitions: int, labelled: float) -> dict[str, Any]:
    """Workers that read as fast as they can, one of which also learns for all of them.

    Each commits ten times a second, with one block for the rows of all of its partitions, and
    takes a version as often. The learner's worker scores with what is left of its core.

    Args:
        costs: As measured.
        workers: Each with a core.
        partitions: Of the events. They cost nothing by themselves here: rows of all partitions of
            a worker are in one block.
        labelled: The share of the events that get a label.
    """
    of_a_worker = (1 - COMMITS * costs.version) / costs.event
    blocks = COMMITS * min(workers, partitions)
    learning = labelled * of_a_worker * min(workers, partitions) * costs.row + blocks * costs.block
    carried = min(1.0, 1.0 / learning)
    return {
        "workers": workers,
        "partitions": partitions,
        "labelled": labelled,
        "events_a_second": round(of_a_worker * min(workers, partitions) * carried),
        "core_of_the_learner": round(learning, 3),
        "limit": "the learner" if learning > 1 else "the scorers",
    }


def run(bootstrap: str = "", *, quick: bool = False) -> Iterator[dict[str, Any]]:
    """A row of a learner's rate from blocks of each size."""
    for rows in (10, 100, BLOCK):
        values = blocks(max(1, (BLOCK if quick else BLOCK * BLOCKS) // rows), rows)
        count, seconds = learned(values, 2 if quick else 10)
        yield {
            "benchmark": "shared_learner",
            "features": FEATURES,
            "rows_of_a_block": rows,
            "rows_a_cpu_second": round(count / seconds),
        }


def costs(*, quick: bool = False) -> Costs:
    """Measured here and now."""
    times = 2 if quick else 10
    large = np.divide(*learned(blocks(1 if quick else BLOCKS), times)[::-1])
    small = np.divide(*learned(blocks(200, 10), times)[::-1])
    block = max(0.0, 10 * (small - large))
    return Costs(float(large), float(block), scored(BLOCK if quick else 50 * BLOCK), _version())


def _version() -> float:
    made = pipeline()
    model = new_model(made)
    model.run(RowBlock.decode(blocks(1)[0]).features(), [True] * BLOCK)
    snapshot, expected = snapshots.dump(model, {}), new_model(made)
    started = process_time()
    for _ in range(100):
        snapshots.load(snapshot, expected)
    return (process_time() - started) / 100


def main() -> None:
    """The rates, and what they mean for some numbers of workers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 4, 16, 64])
    parser.add_argument("--partitions", type=int, default=1_000)
    parser.add_argument("--labelled", type=float, nargs="*", default=[1.0, 0.1])
    given = parser.parse_args()
    for row in run():
        print(json.dumps(row), flush=True)
    measured = costs()
    print(json.dumps({name: f"{1e6 * value:.2f} µs" for name, value in asdict(measured).items()}))
    for labelled in given.labelled:
        for workers in given.workers:
            found = simulated(measured, workers, given.partitions, labelled)
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
