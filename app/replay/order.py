"""Rows that are not in the order of time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from app.replay.base import Event

YEARS = range(1_900_000, 2_200_000)
"""Milliseconds since 1970 that are probably a year, taken for seconds."""


class Order:
    """Counts events and labels that are older than the row before them."""

    def __init__(self) -> None:
        self._began: tuple[str, int] | None = None
        self._last: dict[str, int] = {}
        self._late = Counter[str]()
        self._first: dict[str, tuple[str, int]] = {}

    def add(self, where: str, event: Event) -> None:
        """Look at the time of one row."""
        if event.timestamp is None:
            return
        if self._began is None:
            self._began = where, event.timestamp
        last = self._last.get(event.kind, event.timestamp)
        if event.timestamp < last:
            self._late[event.kind] += 1
            self._first.setdefault(event.kind, (where, last - event.timestamp))
        self._last[event.kind] = event.timestamp

    def remarks(self) -> Iterator[str]:
        """A line for years as times, one each for events and labels that are too late."""
        if self._began is not None and self._began[1] in YEARS:
            where, when = self._began
            yield (
                f"{where}: the time {when // 1000} is taken for seconds since 1970. If it is a"
                " year, write dates: 2018-08-01"
            )
        for kind, (where, by) in self._first.items():
            yield (
                f"{where}: {self._late[kind]:,} {kind}s are older than the row before them, the"
                f" first by {timedelta(seconds=by // 1000)}. Windows, delays and the join of labels"
                " need the order of time: sort the file"
            )
