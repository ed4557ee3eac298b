"""Lengths of time in a pipeline file: a number and its unit, such as "100ms" or "8d"."""

import math
import re

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

_DURATION = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?) ?(ms|s|m|h|d)")
_ALLOWED = 'must be a length of time with its unit (ms, s, m, h or d), such as "100ms" or "8d"'


def parse_duration(value: object) -> float:
    """The seconds that `value`, such as "1.5s", stands for.

    Raises ValueError for a number without a unit, an unknown unit and a negative length.
    """
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(_ALLOWED)
    number = float(match[1])
    if number < 0:
        raise ValueError("must not be negative")
    return number / 1000 if match[2] == "ms" else number * UNITS[match[2]]


def parse_retention(value: object) -> float:
    """As `parse_duration`; "forever" is infinite."""
    return math.inf if value == "forever" else parse_duration(value)
