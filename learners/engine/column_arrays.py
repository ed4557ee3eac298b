"""State that is arrays over columns: how it starts, grows, is saved and is taken over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from learners.engine.columns import Columns
from learners.engine.kernels import Floats


class ColumnArrays:
    """Columns, and attributes that are arrays.

    `per_column` names the arrays with an entry a column along their last axis, `others` those
    without, each with the value that it starts at. They have the shapes (0,) and (1,) unless
    the constructor makes others. A snapshot has all of them.
    """

    per_column: ClassVar[Mapping[str, float]] = {}
    others: ClassVar[Mapping[str, float]] = {}

    def __init__(self) -> None:
        self.columns = Columns()
        self._room = 0
        for name in self.per_column:
            setattr(self, name, np.empty(0))
        for name, start in self.others.items():
            setattr(self, name, np.array([start]))

    def grow(self, n: int) -> None:
        """Make room for `n` columns."""
        if n > self._room:
            for name, start in self.per_column.items():
                setattr(self, name, grown(getattr(self, name), n, start))
            self._room = max(n, 2 * self._room)

    def state(self) -> dict[str, Any]:
        """All that learning changes: arrays, numbers, strings, lists and dicts of them."""
        n = len(self.columns)
        state: dict[str, Any] = {"features": self.columns.names}
        state |= {name: getattr(self, name)[..., :n] for name in self.per_column}
        state |= {name: getattr(self, name) for name in self.others}
        return state

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        self.columns.replace(state["features"])
        self._room = len(self.columns)
        for name in (*self.per_column, *self.others):
            setattr(self, name, np.array(state[name], np.float64))


def grown(array: Floats, n: int, fill: float = 0.0) -> Floats:
    """`array` with room for `n` entries along its last axis, doubling so that growth is rare."""
    have = array.shape[-1]
    if n <= have:
        return array
    bigger = np.full((*array.shape[:-1], max(n, 2 * have)), fill)
    bigger[..., :have] = array
    return bigger
