"""The bounds of a log."""

from __future__ import annotations

import json
import logging
import sys

from app.logs import AtMost, JsonLines


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


def test_a_line_of_json_holds_what_a_record_quotes_and_its_traceback() -> None:
    try:
        raise ValueError('a\n"b"')
    except ValueError:
        made = record("x\ny", 0.0)
        made.exc_info = sys.exc_info()
    line = JsonLines().format(made)
    said = json.loads(line)
    assert "\n" not in line
    assert (said["time"], said["level"], said["message"]) == (
        "1970-01-01T00:00:00.000Z",
        "error",
        "x\ny",
    )
    assert said["traceback"].endswith('ValueError: a\n"b"')
