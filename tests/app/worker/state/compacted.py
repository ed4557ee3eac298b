"""A partition of a compacted topic in memory, and a state that is written to it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

from agents.state import State
from agents.store import MemoryStore
from app.worker.state.checks import Found, checked
from app.worker.state.layout import MODEL, POSITION, Row, digest_of
from app.worker.state.log import StateLog
from app.worker.state.position import Position, SavedModel
from app.worker.state.reader import StateReader


class Compacted:
    """Committed records by offset, of which compaction takes some away.

    Args:
        draw: Decides which ones.
    """

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self.records: dict[int, Row] = {}
        self._end = 0

    def write(self, rows: list[Row]) -> None:
        """Commit a transaction; its marker takes an offset too."""
        for row in rows:
            self.records[self._end] = row
            self._end += 1
        self._end += 1

    def compact(self, share: float, read: int | None = None) -> None:
        """Take away some of the records that a later one of their key supersedes.

        A tombstone goes once nothing is left that it would delete, and all have read it, as
        ``delete.retention.ms`` sees to.

        Args:
            share: Of those that may go.
            read: Up to where the slowest reader has come; None: to the end.
        """
        read = self._end if read is None else read
        last = {key: offset for offset, (key, _) in self.records.items()}
        left = Counter(key for key, _ in self.records.values())
        for offset, (key, value) in list(self.records.items()):
            alone = value is None and left[key] == 1 and offset < read
            gone = last[key] != offset or alone
            if gone and self._draw.random() < share:
                left[key] -= 1
                del self.records[offset]

    def alive(self) -> dict[bytes, bytes]:
        """What is left where all is compacted."""
        last = dict(self.records.values())
        return {key: value for key, value in last.items() if value is not None}

    def since(self, offset: int) -> Iterator[tuple[bytes, bytes | None, int]]:
        """The records from an offset on."""
        return ((*row, at) for at, row in self.records.items() if at >= offset)


class Owner:
    """Writes a state as a task does, from what it restores.

    Args:
        topic: Where to.
    """

    def __init__(self, topic: Compacted) -> None:
        self.topic = topic
        reader, found = restored(topic)
        assert found.flaws == ()
        store = reader.store
        self.model = store.pop(MODEL, None)
        store.pop(POSITION, None)
        self.state = State(store, found.checksum)
        self.log = StateLog(store, reader.inventory)
        self.offset = found.position.offsets["t"] if found.position else 0

    def rows(self) -> list[Row]:
        """What changed, and the position."""
        self.offset += 1
        rows = self.log.rows(self.state.changes())
        saved = None
        if self.model is not None:
            rows += self.log.large(MODEL, self.model)
            saved = SavedModel(self.offset, digest_of(self.model))
        position = Position(
            {"t": self.offset}, {}, saved, self.state.checksum, extent=self.log.extent
        )
        return rows + self.log.large(POSITION, position.encode())


def restored(topic: Compacted, reader: StateReader | None = None) -> tuple[StateReader, Found]:
    """The state as it is read from its beginning, or from where a reader stands."""
    reader = reader or StateReader(MemoryStore())
    for key, value, offset in topic.since(reader.next_offset):
        reader.apply(key, value, offset)
    return reader, checked(reader)


def plain(reader: StateReader) -> dict[str, bytes]:
    """The entries, without the position."""
    return {key: value for key, value in reader.store.beginning("") if key != POSITION}
