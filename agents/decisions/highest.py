"""The entities with the highest scores of a span of time, in a fixed space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from agents.decisions.kept import AT, CAME, LEFT_OUT, RISES, SCORE, USED, Kept
from learners.engine.kernels import Floats, Ints


class Highest:
    """The highest score of each entity, and when it rose; of ``limit`` entities, the highest.

    Args:
        limit: How many entities are kept.
        packed: What ``pack`` gave.

    Attributes:
        kept: What `kept.see` changes.
        keys: Of the rows that are used.
    """

    def __init__(self, limit: int, packed: Sequence[Any] = (0, False, ())) -> None:
        came, left_out, entries = packed
        self.kept = Kept.empty(max(limit, len(entries)))
        self.keys: list[str] = [key for key, _, _ in entries]
        self._rows: dict[str | None, int] = {key: row for row, key in enumerate(self.keys)}
        kept = self.kept
        kept.counts[:] = len(entries), came, left_out
        for row, (_, number, rises) in enumerate(entries):
            kept.numbers[row], kept.lengths[row] = number, len(rises) // 2
            kept.rises[row, : len(rises) // 2] = np.reshape(rises, (-1, 2))
        scores = kept.rises[np.arange(len(kept.lengths)), kept.lengths - 1, SCORE]
        used = len(entries)  # ascending is a heap, too
        kept.heap[:used] = np.lexsort((kept.numbers[:used], scores[:used]))
        kept.places[kept.heap[:used]] = np.arange(used)

    def rows(self, keys: Sequence[str | None]) -> Ints:
        """The row of each key, or -1."""
        return np.array([self._rows.get(key, -1) for key in keys], np.int64)

    def name(self, keys: Mapping[int, str]) -> None:
        """These are the keys of the entities that rows were given to."""
        self.keys += [""] * (int(self.kept.counts[USED]) - len(self.keys))
        for row in keys:
            self._rows.pop(self.keys[row], None)
        for row, key in keys.items():
            self.keys[row] = key
            self._rows[key] = row

    def pack(self) -> list[Any]:
        """All that is known, for another one."""
        kept, order = self.kept, self._in_order()
        ends = (2 * kept.lengths[order]).tolist()
        rises = kept.rises[order].reshape(-1, 2 * RISES).tolist()
        rows = zip(order.tolist(), kept.numbers[order].tolist(), rises, ends, strict=True)
        entries = [[self.keys[row], number, rises[:end]] for row, number, rises, end in rows]
        return [int(kept.counts[CAME]), bool(kept.counts[LEFT_OUT]), entries]

    @property
    def floor(self) -> float:
        """The lowest score that is kept; minus infinity as long as no entity was left out."""
        kept = self.kept
        if not kept.counts[LEFT_OUT]:
            return -np.inf
        row = kept.heap[0]
        return float(kept.rises[row, kept.lengths[row] - 1, SCORE])

    def rises(self) -> Floats:
        """Shape (rises, 3): when a score rose, from where (at first minus infinity), to where."""
        order = self._in_order()
        rises, lengths = self.kept.rises[order], self.kept.lengths[order]
        found = np.empty((len(order), RISES, 3))
        found[:, :, 0], found[:, :, 2] = rises[:, :, AT], rises[:, :, SCORE]
        found[:, 0, 1], found[:, 1:, 1] = -np.inf, rises[:, :-1, SCORE]
        return found[np.arange(RISES) < lengths[:, None]]

    def _in_order(self) -> Ints:
        """The rows in the order in which their entities came."""
        return np.argsort(self.kept.numbers[: self.kept.counts[USED]])
