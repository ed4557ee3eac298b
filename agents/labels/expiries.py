"""When the entries of a partition expire, and how many events wait: a view of the state."""

from __future__ import annotations

from collections.abc import Iterable

from agents.labels.deadlines import Deadlines
from agents.labels.entries import Early, Entry, Waiting, decode
from agents.views import Get


class Expiries:
    """The deadlines of all entries.

    Args:
        expire: Milliseconds that an entry stays.
        get: The value of a key.

    Attributes:
        deadlines: Of all entries.
        waiting: Events that have no label, now.
        early: Labels that have no event, now.
    """

    def __init__(self, expire: int, get: Get) -> None:
        def deadline_of(key: str) -> int | None:
            value = get(key)
            return None if value is None else decode(value).time + expire

        self._expire = expire
        # Not a method: with a cycle the memory of a state that went would stay for long.
        self.deadlines = Deadlines(deadline_of)
        self.waiting = self.early = 0

    def deadline(self, entry: Entry) -> int:
        """Until when an entry stays, in milliseconds since 1970."""
        return entry.time + self._expire

    def fill(self, entries: Iterable[tuple[str, bytes]]) -> None:
        """See ``View``."""
        for key, value in entries:
            self.changed(key, None, value)

    def changed(self, key: str, before: bytes | None, now: bytes | None) -> None:
        """See ``View``."""
        old = None if before is None else decode(before)
        new = None if now is None else decode(now)
        self.waiting += isinstance(new, Waiting) - isinstance(old, Waiting)
        self.early += isinstance(new, Early) - isinstance(old, Early)
        if new is None:
            self.deadlines.left_behind()
        elif old is None or old.time != new.time:
            self.deadlines.push(key, self.deadline(new), instead=old is not None)
