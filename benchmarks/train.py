"""History by a training up to the cut of the published week, then the stream.

The card payments of `pipelines/fraud.toml`, with labels that come 7 days late: the stream alone
from its beginning, and the history up to the test week in 1, 2 and 4 parts of the one partition,
with the stream from there on, by the agents of a worker and without Kafka. What the week is worth
by each, how many of its features and scores are those of the stream alone, and the seconds that
the history took; beside them those of a replay over Kafka, sent and read by one worker.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from time import perf_counter
from typing import Any

import numpy as np

from app.fraud.handbook import Size, simulate
from app.fraud.protocol import TRAIN_DAY, WEEK, Split, split
from app.fraud.transactions import DAY, EPOCH, Transactions
from app.fraud.yardstick import evaluate
from app.kafka.admin import ensure_topics
from app.kafka.clients import replay_producer
from app.kafka.partitions import TP
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline, load_pipeline
from app.pipeline.stages import stages
from app.pipeline.topics import pipeline_topics
from app.replay.base import Event, Source
from app.replay.files import open_file
from app.replay.replay import replay
from app.replay.times import between, merged, timed
from app.training.consistency import Consistency, Seeing, Seen
from app.training.history import History
from app.training.learned import Learned, changes
from app.training.local import learn_in_parts
from app.training.rounds import rounds
from app.training.training import Training, train
from benchmarks.fraud import FILE, Trial, source
from benchmarks.fraud_workers import Workers

Row = dict[str, Any]
END = 2**60


def write(folder: Path, whole: Source) -> None:
    """Events and labels as files, each with its time."""
    kinds = ("event", "label")
    files = {kind: (folder / f"{kind}s.jsonl").open("w") for kind in kinds}
    for event in whole.read():
        when = (event.timestamp or 0) / 1000
        files[event.kind].write(json.dumps({**event.fields, "when": when}) + "\n")
    for file in files.values():
        file.close()


def opened(folder: Path, since: int | None, until: int | None) -> Source:
    """A part of the files, in the order of time."""
    events, labels = (
        timed(open_file(str(folder / f"{kind}s.jsonl")), "when") for kind in ("event", "label")
    )
    return between(merged(events, labels), since, until)


def history(pipeline: Pipeline, folder: Path, since: int | None, until: int) -> History:
    """A part of the files as the records of one partition."""
    part = opened(folder, since, None if until == END else until)
    return History(pipeline, part, 1, until, key="card")


def alone(pipeline: Pipeline, folder: Path, cut: int) -> Mapping[Any, Seen]:
    """What one worker says from the cut on that has read all from the beginning."""
    seeing = Seeing()
    made = Training(pipeline, _counts(pipeline))
    for since, until in ((None, cut), (cut, END)):
        _read(made, pipeline, history(pipeline, folder, since, until))
        made.observe(seeing)
    made.close()
    return seeing.events


def stream(
    pipeline: Pipeline, folder: Path, cut: int, before: Sequence[Learned]
) -> Mapping[Any, Seen]:
    """What the stream from the cut on says, by the ids of the events."""
    at = {TP(topic, 0): 0 for topic in stages(pipeline)[0].inputs}
    seeing = Seeing()
    made = Training(pipeline, _counts(pipeline), before=changes(before, at))
    made.observe(seeing)
    _read(made, pipeline, history(pipeline, folder, cut, END))
    made.close()
    return seeing.events


def _read(made: Training, pipeline: Pipeline, there: History) -> None:
    for parts in rounds(pipeline, there.records(), pipeline.worker.max_batch):
        made.run(parts)


def _counts(pipeline: Pipeline) -> Mapping[str, int]:
    return {topic.name: 1 for topic in pipeline_topics(pipeline)}


def replayed(bootstrap: str, trial: Trial, data: Transactions, cut: int) -> Row:
    """The same history sent to Kafka and read by one worker: what it took."""
    overrides, kafka = trial.overrides(), KafkaSettings(bootstrap)
    pipeline = load_pipeline(FILE, overrides, {})
    ensure_topics(pipeline, kafka)
    started, used = perf_counter(), _used()
    replay(pipeline, between(source(data, trial), None, cut), replay_producer(kafka))
    workers = Workers(FILE, pipeline, kafka, [f"{k}={v}" for k, v in overrides.items()], 1)
    workers.run()
    return {
        "replay_seconds": round(perf_counter() - started, 1),
        "replay_cpu_seconds": round(_used() - used, 1),
    }


def learned(pipeline: Pipeline, folder: Path, cut: int, parts: int) -> tuple[list[Learned], Row]:
    """The history in so many parts, and what it took."""
    new = partial(history, pipeline, folder, None, cut)
    started, used = perf_counter(), _used()
    if parts == 1:
        read = new()
        made = train(pipeline, read.records, _counts(pipeline))
        states, counters = made.learned(), made.counters
    else:
        states, counters, read = learn_in_parts(pipeline, new, 1, parts)
    return states, {
        "events": read.counts["event"],
        "labels": read.counts["label"],
        "learned": counters.learned,
        "seconds": round(perf_counter() - started, 1),
        "cpu_seconds": round(_used() - used, 1),
    }


def _used() -> float:
    own, children = getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def worth(test: Split, seen: Mapping[Any, Seen]) -> float:
    """Average precision of the week."""
    found = {int(str(id_).rpartition("-")[2]): each.score for id_, each in seen.items()}
    ranked = np.array([found[id_] for id_ in test.test.id.tolist()])
    return evaluate(test.test, ranked).average_precision


def run(bootstrap: str, *, quick: bool = False) -> Iterator[Row]:
    """A row for each number of parts."""
    size = Size(cards=150, terminals=600, days=60) if quick else Size()
    yield from measured(bootstrap, size, 30 if quick else TRAIN_DAY, (1, 2) if quick else (1, 2, 4))


def measured(bootstrap: str, size: Size, first: int, all_parts: Sequence[int]) -> Iterator[Row]:
    """As `run`; `first` is the first day of the week of training."""
    data, trial = simulate(size), Trial(size=size, first=first)
    pipeline = load_pipeline(FILE, trial.overrides(), {})
    cut = (EPOCH + (first + 2 * WEEK) * DAY) * 1000
    test = split(data, first)
    beside = replayed(bootstrap, trial, data, cut)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, Source("handbook", partial(_events, data, trial)))
        expected = alone(pipeline, folder, cut)
        for parts in all_parts:
            states, row = learned(pipeline, folder, cut, parts)
            found = stream(pipeline, folder, cut, states)
            compared = Consistency.of(found, expected)
            yield {
                "benchmark": "train",
                "cards": size.cards,
                "parts": parts,
                **row,
                **beside,
                "average_precision": round(worth(test, found), 4),
                "alone": round(worth(test, expected), 4),
                "equal_features": round(compared.equal_features, 6),
                "equal_scores": round(compared.score.share, 4),
            }


def _events(data: Transactions, trial: Trial) -> Iterator[Event]:
    return source(data, trial).read()
