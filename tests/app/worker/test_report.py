"""What a worker tells in its log."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Message

from agents.labels.counts import JoinCounts
from agents.outputs import Outputs
from app.pipeline.load import Pipeline, load_pipeline
from app.pipeline.stages import stages
from app.worker.processor import Counters
from app.worker.report import ENOUGH, Report
from app.worker.state.restore import Restored
from tests.app.support import EVENTS, Opened, opened, pipeline, record
from topics.records import Batch


def committer(made: Opened | None = None) -> Any:
    """One that has committed twice."""
    assignment = made.assignment if made else SimpleNamespace(labels=JoinCounts())
    return SimpleNamespace(commits=2, seconds=0.01, assignment=assignment)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was a warning."""
    return [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "riverrun.worker")


def test_it_tells_what_was_done_and_is_silent_where_nothing_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counters = Counters()
    report = Report(pipeline(tmp_path), counters, committer())
    report.start("binary")
    report.write()
    assert not caplog.messages
    counters.took(3, 0.1)
    counters.add(Outputs(learned=2))
    report.write()
    report.write()
    assert caplog.messages == ["3 records, 2 learned, 0 dead letters, 2 commits of 5.0 ms"]


def test_new_dead_letters_are_told_with_the_last_of_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = opened(tmp_path, 0)
    report = Report(pipeline(tmp_path), made.counters, committer(made))
    made.process(Batch(EVENTS, 0, [record(0, {"id": 0}), record(1, {"id": 1, "y": 7})], number=0))
    report.write()
    assert caplog.messages[1:] == [
        "dead letters: 1 more (riverrun dead-letters lists them), the last cards[0]@1: validate:"
        " y: label 7: a binary learner takes true, false, 0 or 1 (name others in label_values, or"
        " take a learner of several classes)"
    ]
    made.process(Batch(EVENTS, 0, [record(2, {"id": 2})], number=1))
    report.write()
    assert len(caplog.messages) == 3


def test_labels_that_never_come_are_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counters = Counters()
    report = Report(pipeline(tmp_path), counters, committer())
    report.start("binary")
    for _ in range(3):
        counters.took(ENOUGH, 0.1)
        counters.add(Outputs([(None, b"said")] * ENOUGH))
        report.write()
    assert [said for said in caplog.messages if "learned," not in said] == [
        'none of 1000 events has the label "y" (events.label): nothing is learned'
    ]


def without_labels(folder: Path) -> Pipeline:
    file = folder / "p.toml"
    file.write_text(
        'name = "p"\n[events]\ntopic = "cards"\n[predictions]\ntopic = "said"\n'
        '[learner]\ntype = "arow"\n'
    )
    return load_pipeline(file, environ={})


def test_a_pipeline_that_cannot_learn_is_told_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    report = Report(without_labels(tmp_path), Counters(), committer())
    report.start("clustering")
    assert not caplog.messages
    report.start("binary")
    assert caplog.messages == [
        "arow learns from labels, and the pipeline has none: it scores and never learns;"
        " set events.label or [labels]"
    ]


LATE = """
name = "p"
[events]
topic = "cards"
id = "id"
[labels]
topic = "verdicts"
expire = "10d"
[predictions]
topic = "said"
[learner]
type = "arow"
"""
NOW = 1_795_000_000_000
"""Milliseconds: in November 2026."""


def late(folder: Path) -> Opened:
    """A processor of one partition whose labels come later."""
    (folder / "p.toml").write_text(LATE)
    made = Opened(load_pipeline(folder / "p.toml", environ={}))
    (stage,) = stages(made.builder._pipeline)
    made.open({(stage, 0): Restored({}, {"cards": None, "verdicts": None})})
    return made


def said_of(topic: str, ids: range, time: int, offset: int = 0) -> list[Any]:
    """Events or labels of these ids, a second apart."""
    return [
        Message(
            topic=topic,
            partition=0,
            offset=offset + n,
            key=b"k",
            value=b'{"id": %d, "x": 1, "label": true}' % id_,
            timestamp=(1, time + 1000 * n),
        )
        for n, id_ in enumerate(ids)
    ]


def test_labels_that_meet_no_event_on_their_partition_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = late(tmp_path)
    report = Report(load_pipeline(tmp_path / "p.toml", environ={}), made.counters, committer(made))
    made.process(Batch("cards", 0, said_of("cards", range(50), NOW), number=0))
    for number, first in enumerate((0, 150, 150, 200, 400), 1):
        labels = said_of("verdicts", range(first, first + 150), NOW + 60_000, first)
        made.process(Batch("cards", 0, labels, number=number))
        report.write()
    warned = [said for said in warnings(caplog) if "met their event" in said]
    assert len(warned) == 2, "once, and again when they have doubled"
    assert warned[0].startswith(
        "50 of 150 labels met their event: a label must have the key of its event, or labels.key ="
        ' "id" must be set (docs/labels.md, Which label meets which event). The events of the other'
        " 100 were not seen on their partition: 100 still wait for labels.expire, 0 became dead"
        " letters"
    )
    told = [said for said in caplog.messages if said not in warned]
    assert told[0].endswith("commits of 5.0 ms, 50 of 150 labels met their event")


def test_labels_that_meet_their_events_are_no_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = late(tmp_path)
    report = Report(load_pipeline(tmp_path / "p.toml", environ={}), made.counters, committer(made))
    made.process(Batch("cards", 0, said_of("cards", range(300), NOW), number=0))
    made.process(Batch("cards", 0, said_of("verdicts", range(10, 390), NOW + 1), number=1))
    report.write()
    assert not warnings(caplog)


def test_events_whose_times_are_seconds_are_told_with_both_times(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = late(tmp_path)
    report = Report(load_pipeline(tmp_path / "p.toml", environ={}), made.counters, committer(made))
    made.process(Batch("cards", 0, said_of("cards", range(200), NOW // 1000), number=0))
    made.process(Batch("cards", 0, said_of("verdicts", range(200), NOW), number=1))
    report.write()
    report.write()
    (warned,) = [said for said in caplog.messages if "got no label" in said]
    assert warned == (
        "200 events got no label within labels.expire (864000 s), and none got one; the last was"
        " of 1970-01-21 18:39:59, when the newest record was of 2026-11-18 11:06:40: are its"
        " timestamps seconds? Kafka's are milliseconds"
    )
