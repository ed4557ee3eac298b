"""Labels that are held back for a while, as where the people who judge are on leave."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from app.fraud.transactions import DAY
from app.replay.base import Event

LONGEST_DAYS = 4
"""Of the stream: later their events would have expired, see `cluster.EXPIRE_DAYS`."""


class Holding:
    """Takes labels out of a stream, and puts them in again. One thread reads, others ask."""

    def __init__(self) -> None:
        self.is_on = False
        """Whether labels are held back; whoever reads ends it after `LONGEST_DAYS`."""
        self._since: int | None = None
        self._held: deque[Event] = deque()

    def through(self, events: Iterator[Event]) -> Iterator[Event]:
        """The events, and each label when it may go; those that were held have a time of then."""
        for event in events:
            now = event.timestamp or 0
            self._end(now)
            while self._held and not self.is_on:
                yield self._held.popleft()._replace(timestamp=now)
            if self.is_on and event.kind == "label":
                self._held.append(event)
            else:
                yield event

    def _end(self, now: int) -> None:
        """End it after some days."""
        if not self.is_on:
            self._since = None
        elif self._since is None:
            self._since = now
        elif now - self._since > LONGEST_DAYS * DAY * 1000:
            self.is_on = False
