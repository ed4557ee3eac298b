"""Small stand-ins for what cannot be brought about at will."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.sinks.columns import Column
from app.sinks.store import Moved, Refused, Span, StoreAway


class MemoryStore:
    """Keeps rows in a list; refuses those whose offset it is told."""

    def __init__(self, refused: frozenset[int] = frozenset()) -> None:
        self.rows: list[tuple[int, int]] = []
        self.at: dict[int, int] = {}
        self.writes = 0
        self._refused = refused

    def prepare(self, columns: Sequence[Column]) -> None: ...

    def positions(self, partitions: Sequence[int]) -> Mapping[int, int]:
        return {number: self.at[number] for number in partitions if number in self.at}

    def write(self, spans: Sequence[Span]) -> None:
        self.writes += 1
        for span in spans:
            if self.at.get(span.partition, 0) != span.begin:
                raise Moved(f"partition {span.partition} is at {self.at.get(span.partition)}")
        offsets = [(span.partition, int(row[1] or 0)) for span in spans for row in span.rows]
        if bad := [offset for _, offset in offsets if offset in self._refused]:
            raise Refused(f"no {bad[0]} here")
        self.rows += offsets
        self.at |= {span.partition: span.end for span in spans}

    def close(self) -> None: ...


class AwayAfter(MemoryStore):
    """Goes away at one of its writes: before it, or after it has taken the rows.

    Args:
        number: Of the write, from 1.
        taken: Whether the rows are in nevertheless.
        tries: So often it is then asked in vain.
    """

    def __init__(self, number: int, *, taken: bool, tries: int = 2) -> None:
        super().__init__()
        self._number, self._taken, self._tries = number, taken, tries
        self._left = 0

    def prepare(self, columns: Sequence[Column]) -> None:
        if self._left:
            self._left -= 1
            raise StoreAway("nobody answers")

    def write(self, spans: Sequence[Span]) -> None:
        if self.writes + 1 == self._number:
            self._left = self._tries
            if self._taken:
                super().write(spans)
            else:
                self.writes += 1
            raise StoreAway("the connection broke")
        super().write(spans)
