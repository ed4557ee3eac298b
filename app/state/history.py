"""The records of a state that its topic still holds, and the newest whole state of them."""

from __future__ import annotations

from agents.state import MemoryStore
from app.worker.state.checks import checked
from app.worker.state.position import POSITION, Position
from app.worker.state.topic import Row, StateReader

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
            reader = StateReader(MemoryStore(), self.place)
            for record in self.records[:end]:
                reader.apply(*record)
            found = checked(reader)
            known = found.position is not None and (found.position.checksum or end == ends[-1])
            if found.position is not None and known and not found.flaws:
                return found.position, end
        return None

    def rows_back_to(self, count: int) -> list[Row]:
        """What makes of all records the state of the first `count`; the position apart."""
        then, now = dict[bytes, bytes | None](), dict[bytes, bytes | None]()
        for i, (key, value, _) in enumerate(self.records):
            now[key] = value
            if i < count:
                then[key] = value
        changed = [key for key, value in now.items() if then.get(key) != value]
        return [(key, then.get(key)) for key in changed if key != POSITION.encode()]
