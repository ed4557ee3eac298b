"""What a worker measures of its work, as plain numbers: the page's process makes metrics of it."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from topics.dead_letters import stage_of
from topics.records import Outgoing

LATENCIES = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
COMMITS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
RESTORES = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class Histogram:
    """Counts of values up to each of some bounds, and their sum.

    Args:
        bounds: Inclusive upper bounds in seconds, ascending; above the last there is one more.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float, count: int = 1) -> None:
        """Add `count` times the same value."""
        self._counts[bisect_left(self._bounds, value)] += count
        self._sum += value * count

    def said(self) -> dict[str, Any]:
        """As JSON: bounds, counts of each bucket by itself, and the sum."""
        return {"bounds": self._bounds, "counts": list(self._counts), "sum": self._sum}


class Latency(Histogram):
    """Seconds from the timestamps of events to the commit of their predictions.

    All events of a batch count with the age of its first record: at most too old by what the
    batch spans, and one look at the clock a commit, whatever the rate.

    Args:
        clock: Seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__(LATENCIES)
        self._clock = clock

    def committed(self, predicted: Iterable[tuple[int, int]]) -> None:
        """Add what is committed now; see ``Assignment.predicted``."""
        now = self._clock()
        for timestamp, predictions in predicted:
            self.observe(max(0.0, now - timestamp / 1000), predictions)


class Rejected:
    """Dead letters by the stage that made them."""

    def __init__(self) -> None:
        self.by_stage: dict[str, int] = {}

    def add(self, letters: Iterable[Outgoing]) -> None:
        """Count the letters of a batch."""
        for letter in letters:
            stage = stage_of(letter.headers or [])
            self.by_stage[stage] = self.by_stage.get(stage, 0) + 1
