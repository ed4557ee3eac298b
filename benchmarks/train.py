"""History by a training up to the cut of the published week, then the stream.

The card payments of `pipelines/fraud.toml`, with labels that come 7 days late, by the agents of a
worker and without Kafka: the stream alone from its beginning, and the history up to the test week
in 1, 2 and 4 parts of the one partition, with the stream from there on. What a week is worth by
each, and the seconds that the history took, as a worker that replays it takes them (1 part) and
in parts.
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
from app.fraud.transactions import DAY, EPOCH
from app.fraud.yardstick import judge
from app.kafka.partitions import TP
from app.pipeline.load import Pipeline, load_pipeline
from app.pipeline.stages import stages
from app.pipeline.topics import pipeline_topics
from app.replay.base import Event, Source
from app.replay.files import open_file
from app.replay.times import between, merged, timed
from app.training.consistency import Seeing
from app.training.history import History
from app.training.learned import Learned, changes
from app.training.local import learn_in_parts
from app.training.rounds import rounds
from app.training.training import Training, train
from benchmarks.fraud import FILE, Trial, source

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


def stream(
    pipeline: Pipeline, folder: Path, cut: int, before: Sequence[Learned]
) -> Mapping[Any, float]:
    """The scores of the stream from the cut on, by the ids of the events."""
    counts = {topic.name: 1 for topic in pipeline_topics(pipeline)}
    at = {TP(topic, 0): 0 for topic in stages(pipeline)[0].inputs}
    seeing = Seeing()
    made = Training(pipeline, counts, before=changes(before, at))
    made.observe(seeing)
    there = history(pipeline, folder, cut, END)
    for parts in rounds(pipeline, there.records(), pipeline.worker.max_batch):
        made.run(parts)
    made.close()
    return {id_: seen.score for id_, seen in seeing.events.items()}


def learned(pipeline: Pipeline, folder: Path, cut: int, parts: int) -> tuple[list[Learned], Row]:
    """The history in so many parts, and what it took."""
    new = partial(history, pipeline, folder, None, cut)
    started, used = perf_counter(), _used()
    if parts == 1:
        counts = {topic.name: 1 for topic in pipeline_topics(pipeline)}
        read = new()
        made = train(pipeline, read.records, counts)
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


def worth(test: Split, scores: Mapping[Any, float]) -> float:
    """Average precision of the week."""
    found = {int(str(id_).rpartition("-")[2]): score for id_, score in scores.items()}
    ranked = np.array([found[id_] for id_ in test.test.id.tolist()])
    return judge(test.test, ranked).average_precision


def run(bootstrap: str, *, quick: bool = False) -> Iterator[Row]:
    """A row for each number of parts."""
    size = Size(cards=150, terminals=600, days=60) if quick else Size(cards=1000, terminals=5000)
    first = 30 if quick else TRAIN_DAY
    data, trial = simulate(size), Trial(size=size, first=first)
    pipeline = load_pipeline(FILE, trial.overrides(), {})
    cut = (EPOCH + (first + 2 * WEEK) * DAY) * 1000
    test = split(data, first)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, Source("handbook", partial(_events, data, trial)))
        alone = stream(pipeline, folder, 0, [])
        expected = worth(test, alone)
        for parts in (1, 2) if quick else (1, 2, 4):
            states, row = learned(pipeline, folder, cut, parts)
            scores = stream(pipeline, folder, cut, states)
            same = sum(scores[id_] == alone[id_] for id_ in scores) / len(scores)
            yield {
                "benchmark": "train",
                "cards": size.cards,
                "parts": parts,
                **row,
                "average_precision": round(worth(test, scores), 4),
                "alone": round(expected, 4),
                "equal_scores": round(same, 4),
            }


def _events(data: Any, trial: Trial) -> Iterator[Event]:
    return source(data, trial).read()
