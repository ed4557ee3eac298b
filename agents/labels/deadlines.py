"""Which key is next, by deadlines."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from math import inf

_SPARE = 64


class Deadlines:
    """Keys in the order of their deadlines; equal deadlines in the order of the keys.

    A key that gets another deadline leaves its old one behind. Such are passed over, and swept
    out as soon as they are more than the others and some.

    Args:
        deadline_of: The deadline of a key as it is now; None where it has none any more.
    """

    def __init__(self, deadline_of: Callable[[str], int | None]) -> None:
        self._deadline_of = deadline_of
        self._heap: list[tuple[int, str]] = []
        self._stale = 0

    def __len__(self) -> int:
        """How many keys have a deadline."""
        return len(self._heap) - self._stale

    @property
    def held(self) -> int:
        """How many deadlines are in memory, old ones too."""
        return len(self._heap)

    def push(self, key: str, deadline: int, *, instead: bool = False) -> None:
        """Give a key a deadline, `instead` of the one that it has."""
        heapq.heappush(self._heap, (deadline, key))
        if instead:
            self.left_behind()

    def left_behind(self) -> None:
        """A key has another deadline, or none any more: `deadline_of` says so already."""
        self._stale += 1
        if self._stale > len(self) + _SPARE:
            self._heap = [item for item in set(self._heap) if self._holds(*item)]
            heapq.heapify(self._heap)
            self._stale = 0

    def pop(self, before: float = inf) -> str | None:
        """Take out the first key, if its deadline lies before the given time.

        The caller sees to it that `deadline_of` does not know the key any more.
        """
        while self._heap and self._heap[0][0] < before:
            deadline, key = heapq.heappop(self._heap)
            if self._holds(deadline, key):
                return key
            self._stale -= 1
        return None

    def _holds(self, deadline: int, key: str) -> bool:
        return self._deadline_of(key) == deadline
