"""What a worker tells in its log."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agents.outputs import Outputs
from app.pipeline.load import Pipeline, load_pipeline
from app.worker.processor import Counters
from app.worker.report import ENOUGH, Report
from tests.app.support import EVENTS, pipeline, processor, record
from topics.records import Batch

COMMITTER = cast(Any, SimpleNamespace(commits=2, seconds=0.01))


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "riverrun.worker")


def test_it_tells_what_was_done_and_is_silent_where_nothing_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counters = Counters()
    report = Report(pipeline(tmp_path), counters, COMMITTER)
    report.start("binary")
    report.tell()
    assert not caplog.messages
    counters.took(3, 0.1)
    counters.add(Outputs(learned=2))
    report.tell()
    report.tell()
    assert caplog.messages == ["3 events, 2 learned, 0 dead letters, 2 commits of 5.0 ms"]


def test_new_dead_letters_are_told_with_the_last_of_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = processor(tmp_path, 0)
    report = Report(pipeline(tmp_path), made.counters, COMMITTER)
    made.process(Batch(EVENTS, 0, [record(0, {"id": 0}), record(1, {"id": 1, "y": 7})], 1, 0))
    report.tell()
    assert caplog.messages[1:] == [
        "dead letters: 1 more (riverrun dead-letters lists them), the last cards[0]@1: validate:"
        " y: label 7: a binary learner takes true, false, 0 or 1"
    ]
    made.process(Batch(EVENTS, 0, [record(2, {"id": 2})], 1, 1))
    report.tell()
    assert len(caplog.messages) == 3


def test_labels_that_never_come_are_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counters = Counters()
    report = Report(pipeline(tmp_path), counters, COMMITTER)
    report.start("binary")
    for _ in range(3):
        counters.took(ENOUGH, 0.1)
        counters.add(Outputs([(None, b"said")] * ENOUGH))
        report.tell()
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
    report = Report(without_labels(tmp_path), Counters(), COMMITTER)
    report.start("clustering")
    assert not caplog.messages
    report.start("binary")
    assert caplog.messages == [
        "arow learns from labels, and the pipeline has none: it scores and never learns;"
        " set events.label or [labels]"
    ]
