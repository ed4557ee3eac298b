"""What the selections share: a merit a feature, and the k best pass."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from learners.compiled import grown
from learners.kernels import Floats, Ints, kernel
from learners.parameters import whole
from learners.steps.base import ColumnStep

UNKNOWN = -1.0
"""The merit of a feature that was never learned."""


class Selection(ColumnStep):
    """Lets the `k` features of most merit pass; the first that came wins among equals.

    It learns from labels, so it transforms before it learns. To the first event that is
    learned all features pass.
    """

    per_column: ClassVar[Mapping[str, float]] = {"merits": UNKNOWN}

    merits: Floats

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = whole("k", k, least=1)
        self.learned: Floats = np.zeros(1)
        for name in self.per_column:
            setattr(self, name, np.empty(0))

    def grow(self, n: int) -> None:
        """Make room for `n` columns."""
        for name, fill in self.per_column.items():
            setattr(self, name, grown(getattr(self, name), n, fill))

    def state(self) -> dict[str, Any]:
        """The names of the features, all arrays, and how many events were learned."""
        n = len(self.columns)
        arrays = {name: getattr(self, name)[:n] for name in self.per_column}
        return {"features": self.columns.names, "learned": self.learned, **arrays}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        self.columns.replace(state["features"])
        for name in ("learned", *self.per_column):
            setattr(self, name, np.array(state[name], np.float64))


@kernel
def passed(row: Floats, columns: Ints, merits: Floats, threshold: Floats, out: Floats) -> None:
    """The features at or above the threshold (merit, and the last column of those equal to it)."""
    for j in range(row.shape[0]):
        merit = merits[columns[j]]
        good = merit > threshold[0] or (merit == threshold[0] and columns[j] <= threshold[1])
        out[j] = row[j] if good and merit >= 0.0 else math.nan


@kernel
def find_threshold(merits: Floats, k: int, threshold: Floats) -> None:
    """The k-th best merit, and the last column that passes with just this merit."""
    n = merits.shape[0]
    threshold[0], threshold[1] = -0.5, -1.0
    if n <= k:
        return
    least = np.partition(merits, n - k)[n - k]
    better = 0
    for merit in merits:
        if merit > least:
            better += 1
    threshold[0] = least
    for c in range(n):
        if merits[c] == least and better < k:
            better += 1
            threshold[1] = c
