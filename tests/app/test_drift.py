"""Drift in a pipeline file: what is wrong is refused at its key, what happened is told."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from app.commands.inspect import as_table
from app.inspection import PartitionReport
from app.kafka.partitions import TP
from app.pipeline.load import PipelineError
from app.worker.state.restore import RestoreRefused
from tests.app.support import (
    EVENTS,
    STAGE,
    Opened,
    batch,
    model,
    opened,
    pipeline,
    record,
    restored,
)
from topics.records import Batch

AT = TP(EVENTS, 0)
WATCHED = """\
C = 0.01
[learner.drift]
detector = "page_hinkley"
min_instances = 10
threshold = 3.0
reaction = "swap"
"""


def turning(count: int, change: int) -> Batch:
    """Events whose label follows x, and from `change` on its opposite."""
    events: list[Any] = []
    for i in range(count):
        x = ((i * 7919) % 101 - 50.5) / 50.0
        events.append(record(i, {"id": i, "x": x, "y": (x > 0) == (i < change)}))
    return Batch(EVENTS, 0, events)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            'detector = "ddm"\n',
            "p.toml:11: learner.drift.detector = \"ddm\": must be one of 'adwin', 'kswin', "
            "'page_hinkley'",
        ),
        (
            'detector = "adwin"\ndelta = 7\n',
            "p.toml:12: learner.drift.delta = 7: must be a number above 0 not above 0.999",
        ),
        (
            'detector = "adwin"\nreaction = "raise"\n',
            'p.toml:12: learner.drift.reaction = "raise": the learner has no learning rate that '
            "could be raised",
        ),
        (
            'detector = "adwin"\nclok = 3\n',
            "p.toml:12: learner.drift.clok: unknown key; adwin with reaction 'alarm' takes "
            "detector, on, loss, reaction, delta, clock, max_buckets, min_window_length, "
            "grace_period",
        ),
        (
            'reaction = "alarm"\n',
            "p.toml:10: learner.drift.detector: is missing; it must be one of 'adwin', 'kswin', "
            "'page_hinkley'",
        ),
        (
            "",
            "p.toml:10: learner.drift.detector: is missing; it must be one of 'adwin', 'kswin', "
            "'page_hinkley'",
        ),
    ],
)
def test_what_is_wrong_is_refused_at_its_key_and_line(
    tmp_path: Path, given: str, line: str
) -> None:
    with pytest.raises(PipelineError) as refused:
        pipeline(tmp_path, extra=f"[learner.drift]\n{given}")
    assert str(refused.value).removeprefix(f"{tmp_path}/") == line


def test_the_environment_says_it_too(tmp_path: Path) -> None:
    from app.pipeline.load import load_pipeline

    pipeline(tmp_path, extra=WATCHED)
    environ = {"RIVERRUN_LEARNER__DRIFT__THRESHOLD": "5.0"}
    read = load_pipeline(tmp_path / "p.toml", environ=environ)
    assert read.learner.drift is not None
    assert read.learner.drift["threshold"] == 5.0
    assert read.learner.params == {"C": 0.01}


def test_a_drift_is_logged_and_saved(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = opened(tmp_path, 0, extra=WATCHED)
    with caplog.at_level(logging.WARNING):
        made.process(turning(900, 700))
    watched = model(made.tasks[AT])
    assert watched.drifts == 1
    told = f"1 drift (swap), the last at learned event {watched.last_drift}"
    assert [record.getMessage() for record in caplog.records] == [f"{AT}: {told}"]
    assert watched.last_drift is not None
    assert 700 < watched.last_drift < 720
    saved = made.tasks[AT].take()
    heir = Opened(pipeline(tmp_path, extra=WATCHED))
    heir.open({(STAGE, 0): restored(saved)})
    assert model(heir.tasks[AT]).fingerprint() == watched.fingerprint()
    other = Opened(pipeline(tmp_path, extra=WATCHED.replace("swap", "reset")))
    with pytest.raises(RestoreRefused, match="drift"):
        other.open({(STAGE, 0): restored(saved)})


def test_nothing_is_logged_without_a_drift(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = opened(tmp_path, 0, extra=WATCHED)
    with caplog.at_level(logging.WARNING):
        made.process(batch())
    assert not caplog.records


def test_the_table_tells_what_happened() -> None:
    reports = [
        PartitionReport(0, 9, 9, 0, "svm", 9, "ab", 1, 1, drifts=1, last_drift=8),
        PartitionReport(1, 9, 9, 0, "svm", 9, "ab", 1, 1, drifts=0),
        PartitionReport(2, 9, 9, 0, "svm", 9, "ab", 1, 1),
    ]
    assert as_table(reports).split("\n")[4:] == [
        "partition 0: 1 drift, the last at learned event 8",
        "partition 1: 0 drifts",
    ]
