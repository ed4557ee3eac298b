"""Without a terminal, progress is a line now and then."""

import pytest

from app.replay import progress
from app.replay.replay import Progress


def test_a_line_comes_when_its_time_has_come(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with progress.showing("x.csv", 3000) as show:
        state = Progress(started=now[0])
        for now[0], state.delivered in ((101.0, 10), (106.0, 1200), (107.0, 1500), (110.0, 2000)):
            show(state)
        state.failed, now[0] = 2, 120.0
        show(state)
    assert capsys.readouterr().err.splitlines() == [
        "x.csv: 1,200 of 3,000 events, 200/s",
        "x.csv: 2,000 of 3,000 events, 200/s",
        "x.csv: 2,000 of 3,000 events, 100/s, 2 failed",
    ]


def test_a_source_of_unknown_length_has_no_total(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    with progress.showing("x.csv", None) as show:
        show(Progress(delivered=5, started=0.0))
    assert capsys.readouterr().err.startswith("x.csv: 5 events, ")
