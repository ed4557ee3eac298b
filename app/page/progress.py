"""How far a pipeline is: what of its input is done, and how fast that goes."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from app.kafka.backlog import Offsets

MAX_RATES = 300
GAP_SECONDS = 15.0
"""After so long without a look, the rate begins anew: nobody knows how it was meanwhile."""


class Progress:
    """Offsets as they move on. The first topic is that of the events: its pace is shown."""

    def __init__(self) -> None:
        self._topics: Sequence[Offsets] = ()
        self._changed = 0
        self._last: tuple[float, int] | None = None
        self._rates: deque[tuple[int, float, float]] = deque(maxlen=MAX_RATES)

    def see(self, now: float, topics: Sequence[Offsets], version: int) -> None:
        """Note where the topics are at `now`, in seconds since 1970."""
        done = sum(topics[0].done.values())
        if self._last is not None and 0 < now - self._last[0] < GAP_SECONDS:
            rate = max(0, done - self._last[1]) / (now - self._last[0])
            self._rates.append((version, now, rate))
        self._last = (now, done)
        self._topics, self._changed = topics, version

    def since(self, version: int) -> dict[str, Any]:
        """What has changed after `version`: rates as pairs of seconds since 1970 and events/s."""
        if self._changed <= version:
            return {}
        topics = [{"topic": t.topic, "partitions": len(t.ends), "lag": t.lag} for t in self._topics]
        rates = [[round(now, 1), round(r, 1)] for when, now, r in self._rates if when > version]
        return {"topics": topics, "rates": rates}
