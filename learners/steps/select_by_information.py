"""Feature selection by mutual information with the label."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np

from learners.base import Task
from learners.engine.column_arrays import grown
from learners.engine.kernels import Floats, Ints, clip, helper, kernel
from learners.parameters import whole
from learners.steps.selection import UNKNOWN, Selection, SelectionBatch, find_threshold, passed


class SelectByInformation(Selection):
    """Lets the `k` features pass that say most about the label, in nats.

    A value is counted in one of `bins`, by the running mean and variance of its feature: the
    bins are of one size under a normal distribution. From the counts of each bin with each
    class comes the mutual information, less its bias by the number of events (Miller and
    Madow). A label that is a number is counted in bins too. Relations that are no straight
    line are found, and several classes taken.

    Parameters
    ----------
    k
        Features that pass, at least 1.
    bins
        Bins of a feature, 2 to 100.

    Examples
    --------
    >>> from river import datasets
    >>> step = SelectByInformation(k=2)
    >>> for x, y in datasets.Phishing():
    ...     step.learn_one(x, y)
    >>> step.transform_one(x)
    {'empty_server_form_handler': 1.0, 'https': 1.0}

    References
    ----------
    Cover, Thomas: Elements of Information Theory (2006), section 2.3. Paninski: Estimation of
    Entropy and Mutual Information. Neural Computation 15 (2003), section 4, for the bias.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("binary", "multiclass", "regression")
    per_column: ClassVar[Mapping[str, float]] = {
        "merits": UNKNOWN, "counts": 0.0, "means": 0.0, "variances": 0.0,
        "sums": 0.0, "occupied": 0.0,
    }  # fmt: skip

    counts: Floats
    means: Floats
    variances: Floats
    sums: Floats
    occupied: Floats

    def __init__(self, k: int = 10, bins: int = 8) -> None:
        super().__init__(k)
        self.bins = whole("bins", bins, least=2, most=100)
        normal = NormalDist()
        self._edges = np.array([normal.inv_cdf(i / bins) for i in range(1, bins)])
        self._numbers = False
        self.label: Floats = np.zeros(3)  # count, mean, variance
        self.cells: Floats = np.zeros((bins, 1, 0))

    def prepare(self, task: Task) -> None:
        """Whether labels are numbers."""
        self._numbers = task == "regression"

    def select(self, batch: SelectionBatch) -> None:
        """See Selection."""
        self._grow_classes(batch[3])
        _select(
            *batch, self._edges, self._numbers, self.label, self.counts, self.means,
            self.variances, self.sums, self.occupied, self.cells,
        )  # fmt: skip

    def _grow_classes(self, targets: Floats) -> None:
        learned = targets[~np.isnan(targets)]
        need = self.bins if self._numbers else int(learned.max()) + 1 if len(learned) else 1
        have = self.cells.shape[1]
        if need > have:
            more = np.zeros((self.bins, need - have, self.cells.shape[2]))
            self.cells = np.concatenate([self.cells, more], axis=1)

    def grow(self, n: int) -> None:
        """Make room for `n` columns."""
        super().grow(n)
        self.cells = grown(self.cells, n)

    def state(self) -> dict[str, Any]:
        """The names of the features, all statistics and counts."""
        cells = self.cells[:, :, : len(self.columns)]
        return {**super().state(), "label": self.label, "cells": cells}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        super().load(state)
        self.label = np.array(state["label"], np.float64)
        self.cells = np.array(state["cells"], np.float64)


@helper
def _bin(value: float, mean: float, variance: float, edges: Floats) -> int:
    """How many edges lie below the scaled value."""
    scaled = (value - mean) / math.sqrt(variance) if variance > 0.0 else 0.0
    found = 0
    for edge in edges:
        if scaled > edge:
            found += 1
    return found


@helper
def _gain(n: float) -> float:
    """What n log n grows by from n to n + 1."""
    more = (n + 1.0) * math.log(n + 1.0)
    return more - n * math.log(n) if n > 0.0 else more


@helper
def _count(cells: Floats, b: int, label: int, c: int) -> tuple[float, int]:
    """Count an event; what the sum of n log n over cells, less those over bins and classes,
    grows by, and the number of occupied bins and classes less that of cells."""
    in_bin, in_class = 0.0, 0.0
    for each in range(cells.shape[1]):
        in_bin += cells[b, each, c]
    for each in range(cells.shape[0]):
        in_class += cells[each, label, c]
    occupied = int(in_bin == 0.0) + int(in_class == 0.0) - int(cells[b, label, c] == 0.0)
    grown = _gain(cells[b, label, c]) - _gain(in_bin) - _gain(in_class)
    cells[b, label, c] += 1.0
    return grown, occupied


@kernel
def _select(
    predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, before: Floats,
    after: Floats, k: int, merits: Floats, learned: Floats, edges: Floats, numbers: bool,
    label: Floats, counts: Floats, means: Floats, variances: Floats, sums: Floats,
    occupied: Floats, cells: Floats,
) -> None:  # fmt: skip
    threshold = np.empty(2)
    find_threshold(merits, k, threshold)
    for i in range(targets.shape[0]):
        passed(predict_with[i], columns, merits, threshold, before[i])
        if math.isnan(targets[i]):
            after[i, :] = math.nan
            continue
        if learned[0] == 0.0:
            after[i, :] = learn_from[i]
        else:
            passed(learn_from[i], columns, merits, threshold, after[i])
        learned[0] += 1.0
        y = clip(targets[i])
        if numbers:
            label[0] += 1.0
            off = y - label[1]
            label[1] += off / label[0]
            label[2] += (off * (y - label[1]) - label[2]) / label[0]
            said = _bin(y, label[1], label[2], edges)
        else:
            said = int(y)
        for j in range(columns.shape[0]):
            value = learn_from[i, j]
            if value == value:
                c, value = columns[j], clip(value)
                counts[c] += 1.0
                off = value - means[c]
                means[c] += off / counts[c]
                variances[c] += (off * (value - means[c]) - variances[c]) / counts[c]
                more, places = _count(cells, _bin(value, means[c], variances[c], edges), said, c)
                sums[c] += more
                occupied[c] += places
                n = counts[c]
                bias = (occupied[c] - 1.0) / (2.0 * n)
                merits[c] = max(0.0, sums[c] / n + math.log(n) + bias)
        find_threshold(merits, k, threshold)
