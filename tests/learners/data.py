"""Real data for the tests of learners."""

from __future__ import annotations

from functools import cache
from typing import Any

from river import datasets

Event = tuple[dict[str, float], Any]


@cache
def phishing() -> list[Event]:
    """1,250 events, 9 features, a bool."""
    return [(dict(x), y) for x, y in datasets.Phishing()]


@cache
def approval() -> list[Event]:
    """1,001 events, 6 features, a number."""
    return [(dict(x), float(y)) for x, y in datasets.TrumpApproval()]


@cache
def segments() -> list[Event]:
    """2,310 events, 18 features, seven classes."""
    return [(dict(x), y) for x, y in datasets.ImageSegments()]
