"""What the selections share: a merit a feature, and the k best pass."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from learners.engine.kernels import Floats, Ints, helper
from learners.parameters import whole
from learners.steps.base import ColumnStep, Stage

UNKNOWN = -1.0
"""The merit of a feature that was never learned."""
SelectionBatch = tuple[Floats, Floats, Ints, Floats, Floats, Floats, int, Floats, Floats]
"""What `work` is given; where the rows go that it gives, in the same shapes; `k`, the merits,
and how many events were learned."""


class Selection(ColumnStep):
    """Lets the `k` features of most merit pass; the first that came wins among equals.

    It learns from labels, so it transforms before it learns. To the first event that is
    learned all features pass.
    """

    per_column: ClassVar[Mapping[str, float]] = {"merits": UNKNOWN}
    others: ClassVar[Mapping[str, float]] = {"learned": 0.0}

    merits: Floats
    learned: Floats

    def __init__(self, k: int = 10) -> None:
        super().__init__()
        self.k = whole("k", k, least=1)

    def work(
        self, predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats
    ) -> Stage:
        """See ColumnStep."""
        before, after = np.empty_like(predict_with), np.empty_like(learn_from)
        rows = predict_with, learn_from, columns, targets
        self.select((*rows, before, after, self.k, self.merits, self.learned))
        return Stage(self.columns.names_of(columns), before, after)

    @abstractmethod
    def select(self, batch: SelectionBatch) -> None:
        """Call the kernel with `batch` and whatever else it needs."""

    def state(self) -> dict[str, Any]:
        """The names of the features, how many events were learned, and all other arrays."""
        state = super().state()
        return {"features": state.pop("features"), "learned": state.pop("learned"), **state}


@helper
def passed(row: Floats, columns: Ints, merits: Floats, threshold: Floats, out: Floats) -> None:
    """The features at or above the threshold (merit, and the last column of those equal to it)."""
    for j in range(row.shape[0]):
        merit = merits[columns[j]]
        good = merit > threshold[0] or (merit == threshold[0] and columns[j] <= threshold[1])
        out[j] = row[j] if good and merit >= 0.0 else math.nan


@helper
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
