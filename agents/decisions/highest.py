"""The entities with the highest scores of a span of time, in a fixed space."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RISES = 8
"""How many rises of an entity's highest score are kept; the last of them goes on rising."""


class Highest:
    """The highest score of each entity, and when it rose; of ``limit`` entities, the highest.

    Among entities with equal scores, the one that came first is kept.

    Args:
        limit: How many entities are kept.
        packed: What ``pack`` gave.

    >>> highest = Highest(2)
    >>> for entity, at, score in (("a", 0.1, 1.0), ("b", 0.2, 3.0), ("c", 0.3, 2.0)):
    ...     noted = highest.see(entity, at, score)
    >>> highest.floor, len(highest)
    (2.0, 2)
    """

    def __init__(self, limit: int, packed: Sequence[Any] = (0, False, ())) -> None:
        self._limit = limit
        self._count: int = packed[0]
        self._dropped: bool = packed[1]
        self._entries: dict[str, tuple[int, list[float]]] = {
            key: (number, list(rises)) for key, number, rises in packed[2]
        }
        self._heap: list[tuple[float, int, str]] = []
        self._heapify()

    @property
    def count(self) -> int:
        """How many entities have ever been taken in."""
        return self._count

    def __len__(self) -> int:
        return len(self._entries)

    def pack(self) -> list[Any]:
        """All that ``see`` changes."""
        entries = [[key, number, rises] for key, (number, rises) in self._entries.items()]
        return [self._count, self._dropped, entries]

    @property
    def floor(self) -> float:
        """The lowest score that is kept; minus infinity as long as no entity was left out."""
        return self._lowest() if self._dropped else -np.inf

    def see(self, key: str, at: float, score: float) -> bool:
        """Take note of a score; whether it was worth it.

        Args:
            key: Of the entity.
            at: When, as a share of the span.
            score: A finite number.
        """
        if key in self._entries:
            number, rises = self._entries[key]
            if score <= rises[-1]:
                return False
            if len(rises) == 2 * RISES:
                rises[-1] = score
            else:
                rises += (at, score)
        else:
            if len(self._entries) == self._limit:
                self._dropped = True
                if score <= self._lowest():
                    return False
                del self._entries[heapq.heappop(self._heap)[2]]
            number, rises = self._count, [at, score]
            self._count += 1
            self._entries[key] = number, rises
        heapq.heappush(self._heap, (score, number, key))
        if len(self._heap) > 4 * self._limit:
            self._heapify()
        return True

    def rises(self) -> Floats:
        """Shape (rises, 3): when a score rose, from where (at first minus infinity), to where."""
        entities = [rises for _, rises in self._entries.values()]
        told = np.fromiter(itertools.chain.from_iterable(entities), np.float64).reshape(-1, 2)
        found = np.empty((len(told), 3))
        found[:, 0], found[:, 2] = told.T
        found[1:, 1] = found[:-1, 2]
        found[np.cumsum([0, *(len(rises) // 2 for rises in entities)])[:-1], 1] = -np.inf
        return found

    def _lowest(self) -> float:
        while self._stale(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0]

    def _stale(self, item: tuple[float, int, str]) -> bool:
        score, number, key = item
        entry = self._entries.get(key)
        return entry is None or entry[0] != number or entry[1][-1] != score

    def _heapify(self) -> None:
        entries = self._entries.items()
        self._heap = [(rises[-1], number, key) for key, (number, rises) in entries]
        heapq.heapify(self._heap)
