"""Lengths of time in a pipeline file: a number and its unit, such as "100ms" or "8d"."""

import math
import re

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

DURATION = r"([0-9]+(?:\.[0-9]+)?) ?(ms|s|m|h|d)"
"""What a length of time looks like."""
_DURATION = re.compile(f"-?{DURATION}")
_ALLOWED = 'must be a length of time with its unit (ms, s, m, h or d), such as "100ms" or "8d"'


def parse_duration(value: object) -> float:
    """The seconds that `value`, such as "1.5s", stands for.

    Raises ValueError for a number without a unit, an unknown unit and a negative length.
    """
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(_ALLOWED)
    number = float(match[1])
    if match[0].startswith("-") and number:
        raise ValueError("must not be negative")
    return number / 1000 if match[2] == "ms" else number * UNITS[match[2]]


def parse_retention(value: object) -> float:
    """As `parse_duration`; "forever" is infinite."""
    return math.inf if value == "forever" else parse_duration(value)


def duration_text(seconds: float) -> str:
    """A length of time as a pipeline file has it, in the largest unit that divides it.

    >>> duration_text(2592000.0), duration_text(0.015), duration_text(0.0)
    ('30d', '15ms', '0s')
    """
    if math.isinf(seconds):
        return "forever"
    whole = [unit for unit in ("d", "h", "m", "s") if seconds and seconds % UNITS[unit] == 0]
    if whole or not seconds:
        unit = whole[0] if whole else "s"
        return f"{seconds / UNITS[unit]:g}{unit}"
    return f"{seconds * 1000:g}ms"
