"""The records of a state that its topic still holds, and the newest whole state of them."""

from __future__ import annotations

from agents.store import MemoryStore
from app.worker.state.checks import checked
from app.worker.state.inventory import Extent, Inventory
from app.worker.state.layout import POSITION, Row, log_number, piece_part
from app.worker.state.log import StateLog
from app.worker.state.position import Position
from app.worker.state.reader import StateReader

POSITIONS = 50
"""So many of the last positions are tried."""


class History:
    """The records of one partition, in their order.

    Args:
        place: The topic and the partition.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self.records: list[tuple[bytes, bytes | None, int]] = []

    def reader(self) -> StateReader:
        """A reader that keeps all that it reads here."""
        kept = self.records

        class Keeping(StateReader):
            def apply(
                self, key: bytes | None, value: bytes | None, offset: int | None = None
            ) -> None:
                kept.append((key or b"", value, offset or 0))
                super().apply(key, value, offset)

        return Keeping(MemoryStore(), self.place)

    def newest_whole(self) -> tuple[Position, int] | None:
        """The newest position whose state is whole, and how many records lead to it."""
        is_position = [key == POSITION.encode() and v is not None for key, v, _ in self.records]
        ends = [i + 1 for i, there in enumerate(is_position) if there]
        for end in ends[: -POSITIONS - 1 : -1]:
            found = checked(self._read(end))
            if found.position is not None and not found.flaws:
                return found.position, end
        return None

    def back_to(self, count: int) -> tuple[list[Row], Extent | None]:
        """What brings back the state of the first ``count`` records, the position apart.

        Returns:
            The records; and which ones of log and base there are then, where they are other ones.
        """
        later = {key.decode(errors="replace") for key, _, _ in self.records[count:]}
        if any(log_number(name) is not None or piece_part(name) for name in later):
            return self._anew(count)
        then, now = dict[bytes, bytes | None](), dict[bytes, bytes | None]()
        for i, (key, value, _) in enumerate(self.records):
            now[key] = value
            if i < count:
                then[key] = value
        changed = [key for key, value in now.items() if then.get(key) != value]
        return [(key, then.get(key)) for key in changed if key != POSITION.encode()], None

    def _anew(self, count: int) -> tuple[list[Row], Extent]:
        """The whole state, in the place of all records.

        No record of a log may be written a second time: it would come after what came later.
        """
        then = self._read(count)
        checked(then)
        log = StateLog(then.store, Inventory(large=dict(then.inventory.large)))
        rows = log.base()
        for key in then.inventory.large.keys() - {POSITION}:
            rows += log.large(key, then.store.get(key))
        written = {key for key, _ in rows} | {POSITION.encode()}
        there = dict.fromkeys(key for key, _, _ in self.records)
        return [*((key, None) for key in there if key not in written), *rows], log.extent

    def _read(self, count: int) -> StateReader:
        """Of the first so many records."""
        reader = StateReader(MemoryStore(), self.place)
        for record in self.records[:count]:
            reader.apply(*record)
        return reader
