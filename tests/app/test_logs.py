"""The bounds of a log."""

from __future__ import annotations

import logging

from app.logs import AtMost


def record(text: str, at: float) -> logging.LogRecord:
    made = logging.LogRecord("page", logging.ERROR, "", 0, "%s", (text,), None)
    made.created = at
    return made


def test_a_minute_has_so_many_lines_and_the_next_one_as_many_again() -> None:
    bounded = AtMost(most=2, seconds=60.0)
    said = [record(str(n), at) for n, at in enumerate((0.0, 1.0, 2.0, 59.0, 61.0, 62.0, 63.0))]
    assert [each.getMessage() for each in said if bounded.filter(each)] == [
        "0",
        "1; more lines of this minute are left out",
        "4",
        "5; more lines of this minute are left out",
    ]
