"""Which entry expires next."""

from __future__ import annotations

import numpy as np

from agents.labels.heap import Heap, schedule, unschedule
from agents.labels.packed import EARLY, WAITING, fill
from agents.tables.arrays import longer
from agents.tables.table import Table


class Deadlines:
    """The entries of a table in the order of their times; equal ones in that of their keys.

    Args:
        table: Has the entries.

    Attributes:
        waiting: Events that had no label when this was made.
        early: Labels that had no event then.
        unreadable: The slot of an entry that cannot be read; -1 where all can be.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        none = np.zeros(0, np.int32)
        self._heap = Heap(np.zeros(1, np.int64), none, none, np.zeros(0, np.int64))
        self.unreadable, self.waiting, self.early = -1, 0, 0
        if len(table):
            self._fill()

    def warm_up(self) -> None:
        """Compile; only where there are no entries yet."""
        self._fill()

    def _fill(self) -> None:
        kinds = np.zeros(3, np.int64)
        self.unreadable = int(fill(self._table.memory, self.heap, kinds))
        self.waiting, self.early = int(kinds[WAITING]), int(kinds[EARLY])

    def __len__(self) -> int:
        return int(self._heap.count[0])

    @property
    def heap(self) -> Heap:
        """The arrays, with room for all slots of the table."""
        room = len(self._table.memory.at)
        if room > len(self._heap.slots):
            self._heap = Heap(self._heap.count, *(longer(a, room) for a in self._heap[1:]))
        return self._heap

    def set(self, slot: int, time: int) -> None:
        """An entry has this time."""
        schedule(self._table.memory, self.heap, slot, time)

    def first(self) -> tuple[int, int]:
        """The slot that expires first, and its time; -1 where there is none."""
        if not len(self):
            return -1, 0
        slot = int(self._heap.slots[0])
        return slot, int(self._heap.times[slot])

    def drop(self, slot: int) -> None:
        """An entry goes; it must still be in the table."""
        unschedule(self._table.memory, self.heap, slot)
