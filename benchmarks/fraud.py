"""The fraud pipeline of `pipelines/fraud.toml` on Kafka, evaluated by the handbook's protocol.

python -m benchmarks.fraud [--protocol live] [--kills 3] [--workers 2 --partitions 4] [--cards N]

The events and labels of a simulation are sent first, with their own times; then workers go
through them as they go through any stream. "live": each label comes 7 days late and is learned,
from day 30 on. "frozen": only the labels of the week of training are learned. All the others are
heard with a weight of 0: they tell what a terminal's past was, and teach the model nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from app.fraud.handbook import Size
from app.fraud.protocol import TRAIN_DAY, WEEK
from app.fraud.stream import DELAY, Names, merged
from app.fraud.transactions import DAY, EPOCH, Transactions
from app.kafka.admin import ensure_topics
from app.kafka.clients import replay_producer
from app.kafka.settings import KafkaSettings
from app.local_kafka import LocalKafka
from app.pipeline.load import Pipeline, load_pipeline
from app.replay.base import Event, Source
from app.replay.replay import replay
from app.replay.times import between
from benchmarks.fraud_protocol import Row, Yardstick
from benchmarks.fraud_workers import Predicted, Workers, said, state

FILE = Path(__file__).parents[1] / "pipelines" / "fraud.toml"
LEARNED_FROM = 30
"""The day from which on labels are learned in the live protocol."""
SMALL = Size(cards=100, terminals=400, days=50)

Protocol = Literal["live", "frozen"]


@dataclass(frozen=True)
class Trial:
    """One run through Kafka.

    Attributes:
        protocol: How labels are learned.
        size: Of the simulation.
        first: The day on which the week of training begins.
        partitions: Of all topics; each has a model of its own.
        workers: Processes.
        kills: How often a worker is killed with -9 and started again.
        settings: More settings of the pipeline: `key=value`.
    """

    protocol: Protocol = "live"
    size: Size = field(default_factory=Size)
    first: int = TRAIN_DAY
    partitions: int = 1
    workers: int = 1
    kills: int = 0
    settings: tuple[str, ...] = ()

    @property
    def last(self) -> int:
        """The day after the test, or the last of the simulation if that is earlier."""
        return min(self.first + 3 * WEEK, self.size.days)

    def overrides(self) -> dict[str, str]:
        """What differs from the pipeline file: topics of its own, and whose labels are learned."""
        name = f"fraud-{uuid.uuid4().hex[:8]}"
        tables = ("events", "labels", "predictions", "decisions", "metrics")
        slower = {"learner.learning_rate": "0.03"} if self.protocol == "frozen" else {}
        return {
            "name": name,
            **{f"{table}.topic": f"{name}.{table}.v1" for table in tables},
            "labels.source": "source",
            "labels.weights.learned": "1",
            "labels.weights.heard": "0",
            "topics.partitions": str(self.partitions),
            **slower,
            **dict(setting.split("=", 1) for setting in self.settings),
        }

    def learns(self, day: int) -> bool:
        """Whether the labels of the events of a day are learned."""
        if self.protocol == "live":
            return day >= LEARNED_FROM
        return self.first <= day < self.first + WEEK


def source(data: Transactions, trial: Trial) -> Source:
    """The history up to the end of the trial, each label 7 days late and with its weight."""

    def read() -> Iterator[Event]:
        for number, record in enumerate(merged([data], Names(source="source"))):
            if record.kind == "label":
                day = (record.value["time"] - DELAY - EPOCH) // DAY
                record.value["source"] = "learned" if trial.learns(day) else "heard"
            yield Event(number, record.value, record.kind, record.timestamp)

    end = (EPOCH + trial.last * DAY) * 1000
    return between(Source("handbook", read, key="card"), None, end)


def through_kafka(bootstrap: str, trial: Trial, data: Transactions) -> tuple[Row, Predicted]:
    """Figures of a run, and what was predicted."""
    overrides, kafka = trial.overrides(), KafkaSettings(bootstrap)
    pipeline = load_pipeline(FILE, overrides, {})
    ensure_topics(pipeline, kafka)
    sent = replay(pipeline, source(data, trial), replay_producer(kafka))
    settings = [f"{key}={value}" for key, value in overrides.items()]
    workers = Workers(FILE, pipeline, kafka, settings, trial.workers)
    workers.run(trial.kills)
    predictions = said(pipeline, kafka)
    return _figures(trial, pipeline, kafka, sent.delivered - sent.labels, workers, predictions)


def _figures(
    trial: Trial,
    pipeline: Pipeline,
    kafka: KafkaSettings,
    events: int,
    workers: Workers,
    predictions: Predicted,
) -> tuple[Row, Predicted]:
    row = {
        "cards": trial.size.cards,
        "partitions": trial.partitions,
        "workers": trial.workers,
        "kills": workers.killed,
        "events": events,
        "missing": events - len(predictions.scores) - predictions.dead_letters,
        "doubled": predictions.doubled,
        "dead_letters": predictions.dead_letters,
        "seconds": round(workers.seconds, 1),
        "events_per_second": round(events / workers.seconds),
        "peak_rss_mb": workers.peak_rss_mb,
        "scores": _digest(predictions.scores),
        **state(pipeline, kafka),
    }
    return row, predictions


def _digest(scores: dict[str, float]) -> str:
    """Equal for runs that gave every event the same score, to the last bit."""
    text = "".join(f"{id_}={score.hex()}\n" for id_, score in sorted(scores.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def evaluated(bootstrap: str, trial: Trial, yardstick: Yardstick) -> Row:
    """A run through Kafka and its verdict."""
    figures, predictions = through_kafka(bootstrap, trial, yardstick.data)
    return verdict(f"riverrun, {trial.protocol}", trial, yardstick, predictions.scores) | figures


def verdict(name: str, trial: Trial, yardstick: Yardstick, scores: Mapping[str, float]) -> Row:
    """What the scores are worth; the name alone where the simulation ends before the test."""
    if trial.last < trial.first + 3 * WEEK:
        return {"benchmark": "fraud", "model": name}
    return yardstick.row_of_predictions(name, scores)


def run(bootstrap: str, *, quick: bool = False) -> Iterator[Row]:
    """The published models, and ours: live, live with kills, and frozen."""
    size, first = (SMALL, 25) if quick else (Size(), TRAIN_DAY)
    yardstick = Yardstick(size, first)
    yield from yardstick.references()
    runs: tuple[tuple[Protocol, int], ...] = (("live", 0), ("live", 3), ("frozen", 0))
    for protocol, kills in runs:
        yield evaluated(bootstrap, Trial(protocol, size, first, kills=kills), yardstick)


@dataclass(frozen=True)
class Options:
    """What a command line says."""

    trial: Trial
    bootstrap: str | None
    alone: bool


def parsed(arguments: list[str], description: str | None) -> Options:
    """The options of a trial."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--protocol", choices=get_args(Protocol), default="live")
    for name in ("kills", "partitions", "workers"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Trial, name))
    for name in ("cards", "terminals", "days"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Size, name))
    parser.add_argument("--first", type=int, default=TRAIN_DAY, help="day of the training week")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--bootstrap-servers")
    parser.add_argument("--alone", action="store_true", help="without the references")
    given = parser.parse_args(arguments)
    size = Size(given.cards, given.terminals, given.days)
    counts = (given.partitions, given.workers, given.kills)
    trial = Trial(given.protocol, size, given.first, *counts, tuple(given.set))
    return Options(trial, given.bootstrap_servers, given.alone)


def main(arguments: list[str]) -> None:
    """One trial as the options want it, beside the references."""
    options = parsed(arguments, __doc__)
    yardstick = Yardstick(options.trial.size, options.trial.first)
    with ExitStack() as stack:
        for row in () if options.alone else yardstick.references():
            print(json.dumps(row), flush=True)
        bootstrap = options.bootstrap or stack.enter_context(LocalKafka()).bootstrap
        print(json.dumps(evaluated(bootstrap, options.trial, yardstick)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
