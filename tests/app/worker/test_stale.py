"""A worker that does not hear of the learner says so, and goes on scoring."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agents.shared.versions import Versions
from app.commands.inspect import learner_lines
from app.inspection import PartitionReport
from app.pipeline.models import new_model
from app.worker.health import Health
from app.worker.measured import Measured
from app.worker.report import Report
from tests.app.worker.playing import Playing
from tests.app.worker.test_label_key import history, read

LIMIT = 60.0
"""Seconds: the default of learner.stale_after."""


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_health_and_log_say_how_old_the_version_is_and_scoring_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "riverrun.worker")
    made, clock = Playing(read(tmp_path, key=""), 2, at_once=False), Clock()
    versions = made.opened.builder.versions = Versions(
        [new_model(made.pipeline)], made.opened.builder._load, clock
    )
    made.restart()
    committer: Any = SimpleNamespace(commits=1, seconds=0.1, assignment=made.opened.assignment)
    pipeline, counters, measured = made.pipeline, made.opened.counters, SimpleNamespace()
    health = Health(pipeline, counters, committer, cast(Measured, measured), versions)
    report = Report(pipeline, counters, committer, versions)
    rounds = list(made.rounds(history(by_id=False)))
    for batches in rounds[:8]:
        for batch in batches:
            made.process(batch)
        made.commit()
        made.go_on()
    known = versions.model.learned
    assert known > 0
    assert health.health()["model"] == {"version": known, "age": 0.0, "stale": False}
    clock.now += LIMIT + 1  # the learner is away
    for batches in rounds[8:]:
        for batch in batches:
            made.process(batch)
        made.commit()
    assert health.health()["model"] == {"version": known, "age": LIMIT + 1, "stale": True}
    report.write()
    report.write()
    (told,) = [said for said in caplog.messages if "not heard of" in said]
    assert told.startswith(
        f"the learner was not heard of for {LIMIT + 1:.0f} s (learner.stale_after)"
    )
    assert len(made.scores) == 600
    assert {version for version, _ in list(made.scores.values())[400:]} == {known}
    made.go_on()
    made.opened.processor.counters.events += 1
    report.write()
    assert health.health()["model"] == {"version": 621, "age": 0.0, "stale": False}
    assert caplog.messages[-2].startswith("the learner is heard of again: version 6")


@pytest.mark.parametrize(
    ("age", "end"), [(2.5, "2.5 s ago"), (90.0, "longer than learner.stale_after (60 s)")]
)
def test_inspect_shows_the_learner_its_version_and_how_old_it_is(
    tmp_path: Path, age: float, end: str
) -> None:
    row = PartitionReport(*(0, 7, 9, 2, "logistic_regression", 1234, "f", 10, 20))
    learner = replace(row, versions=12, written=1_000_000)
    (line,) = learner_lines(read(tmp_path), [row, learner], 1_000 + age)
    assert line.startswith(
        "one learner for all partitions: version 1,234, 12 versions kept, heard of"
    )
    assert line.endswith(end)
