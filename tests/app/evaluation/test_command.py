"""`riverrun evaluate`: its options, and what it prints."""

import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from app.cli import cli
from app.commands.evaluate import as_line, as_table, milliseconds
from app.evaluation.evaluate import Evaluation
from app.evaluation.verdicts import WindowFigures

DAY = 86_400_000
NAN = float("nan")


@pytest.fixture
def found() -> Evaluation:
    """Two windows of a regression."""
    windows = [
        WindowFigures(n * DAY, (n + 1) * DAY, 7, 5, None, 0, {"mae": NAN if n else 1234.5})
        for n in range(2)
    ]
    counts = (14, 14, 0, 0, 0, 0, 0, 10)
    return Evaluation("p", "regression", *counts, metrics={"mae": 0.5, "r2": NAN}, windows=windows)


def test_a_time_is_taken_as_utc() -> None:
    assert milliseconds(datetime(2018, 8, 8), 0.0) == 1_533_686_400_000
    assert datetime.fromtimestamp(1_533_686_400, UTC) == datetime(2018, 8, 8, tzinfo=UTC)
    assert milliseconds(None, 7.0) == 7.0


@pytest.mark.parametrize("option", ["--since", "--until"])
def test_what_is_no_time_is_refused(option: str) -> None:
    answer = CliRunner().invoke(cli, ["evaluate", "p.toml", option, "yesterday"])
    assert answer.exit_code == 2
    assert "yesterday" in answer.output


def test_a_window_is_a_line_of_the_table(found: Evaluation) -> None:
    *_, header, first, second = as_table(found).splitlines()
    assert header.split() == ["from", "(UTC)", "events", "labelled", "alerts", "MAE"]
    assert first.split() == ["1970-01-01", "00:00", "7", "5", "0", "1,234.50"]
    assert second.split() == ["1970-01-02", "00:00", "7", "5", "0", "-"]


def test_what_is_not_defined_is_null(found: Evaluation) -> None:
    line = json.loads(as_line(found))
    assert (line["mae"], line["r2"], line["events"]) == (0.5, None, 14)
    assert [window["mae"] for window in line["windows"]] == [1234.5, None]
