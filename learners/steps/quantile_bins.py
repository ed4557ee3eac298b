"""Bins of features, with edges at running quantiles."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from learners.engine.kernels import Floats, Ints, clip, helper, kernel
from learners.errors import WrongValue
from learners.steps.base import ColumnStep, Stage

QUANTILES = (0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995)
BUCKETS = 512
"""On each side of 0; a bucket is 5 % wide, and they reach from 0.001 to 70 million."""
_SMALLEST, _GROWTH = 1e-3, math.log(1.05)
FIRST_EDGES = 16.0
"""Values of a feature from which on it has bins."""
_EDGES_EVERY = 1000.0


class QuantileBins(ColumnStep):
    """Behind a feature, one for each quantile: 1 where the feature lies above it, else 0.

    A linear learner then takes any shape of the feature: it finds out from which amount on a
    payment is strange. The quantiles are those of the values learned so far, from a histogram
    with buckets of equal relative width: a fixed number of counters, whatever comes. They are
    looked up after 16, 32, 64, 128 and 256 values, and after each thousand. Where several
    quantiles share a bucket, only the first can be 1. Scale after it.

    Parameters
    ----------
    features
        Those that have bins. Default: all.
    quantiles
        Ascending, between 0 and 1. The close ones at the upper end are for what is rare.

    Examples
    --------
    >>> step = QuantileBins(quantiles=[0.5, 0.9])
    >>> for amount in range(1, 17):
    ...     step.learn_one({"amount": float(amount)})
    >>> step.transform_one({"amount": 12.0})
    {'amount': 12.0, 'amount > q0.5': 1.0, 'amount > q0.9': 0.0}

    References
    ----------
    Masson, Rim, Lee: DDSketch. VLDB 2019, section 2.
    """

    others: ClassVar[Mapping[str, float]] = {"counts": 0.0, "totals": 0.0, "edges": math.inf}

    counts: Floats
    totals: Floats
    edges: Floats

    def __init__(
        self, features: Sequence[str] | None = None, quantiles: Sequence[float] = QUANTILES
    ) -> None:
        super().__init__()
        if features is not None and (
            isinstance(features, str) or not all(isinstance(name, str) for name in features)
        ):
            raise WrongValue("features", features, "must be a list of names of fields")
        self.features = None if features is None else frozenset(features)
        self.quantiles = np.array(_ascending(quantiles))
        self.counts = np.empty((0, 2 * BUCKETS + 1))
        self.totals = np.empty(0)
        self.edges = np.empty((0, len(self.quantiles)))
        self._sketch: list[int] = []
        self._laid_out: tuple[Ints | None, Ints, tuple[str, ...]] = (None, np.empty(0, int), ())

    def work(
        self, predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats
    ) -> Stage:
        """See ColumnStep."""
        sketches, names = self._lay_out(columns)
        before = np.empty((len(targets), len(names)))
        after = np.empty((len(targets), len(names)))
        _bin(
            predict_with, learn_from, sketches, targets,
            self.quantiles, self.counts, self.totals, self.edges, before, after,
        )  # fmt: skip
        return Stage(names, before, after)

    def _lay_out(self, columns: Ints) -> tuple[Ints, tuple[str, ...]]:
        """The histogram of each column, -1 for none, and the names of what comes out."""
        if self._laid_out[0] is not columns:
            sketches = np.array([self._sketch[c] for c in columns.tolist()], np.int64)
            names: list[str] = []
            known = self.columns.names
            for c, sketch in zip(columns.tolist(), sketches.tolist(), strict=True):
                names.append(known[c] if c < len(known) else str(c))
                if sketch >= 0:
                    names += [f"{names[-1]} > q{q}" for q in self.quantiles.tolist()]
            self._laid_out = (columns, sketches, tuple(names))
        return self._laid_out[1:]

    def grow(self, n: int) -> None:
        """Make room for `n` columns."""
        known = self.columns.names
        have = sum(sketch >= 0 for sketch in self._sketch)
        first = have
        for c in range(len(self._sketch), n):
            binned = self.features is None or (c < len(known) and self.has(known[c]))
            self._sketch.append(have if binned else -1)
            have += binned
        if have > first:
            more = have - first
            self.counts = np.concatenate([self.counts, np.zeros((more, 2 * BUCKETS + 1))])
            self.totals = np.concatenate([self.totals, np.zeros(more)])
            none = np.full((more, len(self.quantiles)), math.inf)
            self.edges = np.concatenate([self.edges, none])

    def has(self, name: str) -> bool:
        """Whether a feature has bins."""
        return self.features is None or name in self.features

    def origin(self, name: str) -> str:
        """The feature whose bin it is."""
        feature, bins, _ = name.rpartition(" > q")
        return feature if bins and name not in self.columns.index else name

    def warm_up(self, n_features: int) -> int:
        """Run all kernels once over nothing."""
        none, nothing = np.empty((0, n_features)), np.empty(0)
        wide = n_features * (1 + len(self.quantiles)) if self.features is None else n_features
        _bin(
            none, none, np.full(n_features, -1), nothing,
            self.quantiles, self.counts, self.totals, self.edges, none, none,
        )  # fmt: skip
        return wide

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        self._sketch = []
        self._laid_out = (None, *self._laid_out[1:])
        self.columns.replace(state["features"])
        self.grow(len(self.columns))
        super().load(state)


def _ascending(given: Sequence[float]) -> list[float]:
    try:
        quantiles = [float(q) for q in given]
    except (TypeError, ValueError):
        quantiles = []
    right = bool(quantiles) and quantiles[0] > 0 and quantiles[-1] < 1
    if not right or any(a >= b for a, b in pairwise(quantiles)):
        raise WrongValue("quantiles", given, "must be ascending numbers between 0 and 1")
    return quantiles


@helper
def bucket(value: float) -> int:
    """The number of a value's bucket: ascending with the value, 0 within +-0.001."""
    size = abs(value)
    if size < _SMALLEST:
        return 0
    number = min(BUCKETS, 1 + int(math.log(size / _SMALLEST) / _GROWTH))
    return number if value > 0.0 else -number


@kernel
def find_edges(quantiles: Floats, counts: Floats, total: float, edges: Floats) -> None:
    """The bucket of each quantile; infinite where the one before lies in the same."""
    seen, at, last = 0.0, 0, math.nan
    for b in range(counts.shape[0]):
        seen += counts[b]
        while at < quantiles.shape[0] and seen >= quantiles[at] * total:
            edge = float(b - BUCKETS)
            edges[at] = math.inf if edge == last else edge
            last = edge
            at += 1


@helper
def _due(total: float) -> bool:
    if total >= _EDGES_EVERY:
        return total % _EDGES_EVERY == 0.0
    return (
        total == FIRST_EDGES or total == 32.0 or total == 64.0 or total == 128.0 or total == 256.0
    )


@helper
def _spread(row: Floats, sketches: Ints, edges: Floats, out: Floats) -> None:
    """The row with the bins of each feature behind it; absent ones where it is absent."""
    at = 0
    for j in range(row.shape[0]):
        value = clip(row[j])
        out[at] = value
        at += 1
        if sketches[j] >= 0:
            absent = value != value
            number = 0 if absent else bucket(value)
            for q in range(edges.shape[1]):
                above = 1.0 if number > edges[sketches[j], q] else 0.0
                out[at] = math.nan if absent else above
                at += 1


@kernel
def _bin(
    predict_with: Floats, learn_from: Floats, sketches: Ints, targets: Floats,
    quantiles: Floats, counts: Floats, totals: Floats, edges: Floats,
    before: Floats, after: Floats,
) -> None:  # fmt: skip
    for i in range(targets.shape[0]):
        _spread(predict_with[i], sketches, edges, before[i])
        if math.isnan(targets[i]):
            after[i, :] = math.nan
            continue
        for j in range(sketches.shape[0]):
            k, value = sketches[j], clip(learn_from[i, j])
            if k >= 0 and value == value:
                counts[k, bucket(value) + BUCKETS] += 1.0
                totals[k] += 1.0
                if _due(totals[k]):
                    find_edges(quantiles, counts[k], totals[k], edges[k])
        _spread(learn_from[i], sketches, edges, after[i])
