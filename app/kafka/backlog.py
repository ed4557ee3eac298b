"""How many records of a topic are still to be done: records, not offsets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.kafka.reading import Reader

COUNTED = 100
"""Up to so many offsets of a partition are looked at one by one."""


@dataclass(frozen=True, slots=True)
class Offsets:
    """A topic of the input.

    Attributes:
        topic: Its name.
        done: By partition, the offset from which on records are to be done.
        ends: By partition, the offset that the next record gets.
        records: By partition, how many records are not done.
    """

    topic: str
    done: Mapping[int, int]
    ends: Mapping[int, int]
    records: Mapping[int, int]

    @property
    def lag(self) -> int:
        """Records that are not done."""
        return sum(self.records.values())


class Backlog:
    """Counts what is not done of the inputs.

    The last offset of a partition may be the marker of a transaction, which nobody ever reads:
    by offsets alone such a partition never seems done. So where little is left its records are
    counted; where much is left its offsets are taken, which are slightly too many.

    Args:
        reader: Of the inputs' topics, with the offsets of the group.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._known: dict[tuple[str, int], tuple[tuple[int, int], int]] = {}

    def of(self, topic: str, starts: Mapping[int, int]) -> Offsets:
        """How far a topic is done.

        Args:
            topic: Its name.
            starts: By partition, the offset of the first record that is still there.
        """
        committed = self._reader.committed(topic)
        done = {n: max(starts.get(n, 0), at or 0) for n, at in committed.items()}
        ends = self._reader.ends(topic)
        left = {n: (done.get(n, end), end) for n, end in ends.items()}
        few = {
            n: span
            for n, span in left.items()
            if 0 < span[1] - span[0] <= COUNTED and self._span(topic, n) != span
        }
        for n, count in self._count(topic, few).items():
            self._known[topic, n] = few[n], count
        return Offsets(topic, done, ends, {n: self._records(topic, n, left[n]) for n in left})

    def _count(self, topic: str, few: Mapping[int, tuple[int, int]]) -> Mapping[int, int]:
        begin = {n: done for n, (done, _) in few.items()}
        return self._reader.count(topic, begin) if begin else {}

    def _records(self, topic: str, partition: int, span: tuple[int, int]) -> int:
        if self._span(topic, partition) == span:
            return self._known[topic, partition][1]
        return max(0, span[1] - span[0])

    def _span(self, topic: str, partition: int) -> tuple[int, int] | None:
        known = self._known.get((topic, partition))
        return None if known is None else known[0]
