"""Incremental principal components."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from learners.engine.kernels import TINY, Floats, Ints, clip, helper, kernel
from learners.parameters import number, whole
from learners.steps.base import ColumnStep, Stage
from learners.steps.projection import component_names


class IncrementalPCA(ColumnStep):
    """The `n_components` directions of most variance, followed event by event (CCIPCA).

    Each direction is a mean of the events, weighted by how much they point its way; what the
    first explains is taken out before the second learns. No covariance matrix is held: the
    cost of an event is features times components. An absent feature counts as its mean.
    Scale before it, unless the features have one unit.

    Parameters
    ----------
    n_components
        Features that come out, `component_0` and on, 1 to 1,000; 0 as long as there is no
        such direction.
    amnesia
        How much more the newer events count, at least 0; the paper takes 2 to 4, 0 is none.

    Examples
    --------
    >>> from river import datasets
    >>> from learners.steps.scale import Scale
    >>> scale, step = Scale(), IncrementalPCA(n_components=2)
    >>> for x, y in datasets.ImageSegments():
    ...     scale.learn_one(x)
    ...     step.learn_one(scale.transform_one(x))
    >>> x, y = next(iter(datasets.ImageSegments()))
    >>> out = step.transform_one(scale.transform_one(x))
    >>> {name: round(value, 2) for name, value in out.items()}
    {'component_0': -1.96, 'component_1': 0.57}

    References
    ----------
    Weng, Zhang, Hwang: Candid Covariance-Free Incremental Principal Component Analysis.
    IEEE Transactions on Pattern Analysis and Machine Intelligence 25 (2003), section 2.
    """

    per_column: ClassVar[Mapping[str, float]] = {"counts": 0.0, "means": 0.0, "directions": 0.0}
    others: ClassVar[Mapping[str, float]] = {"ages": 0.0}

    counts: Floats
    means: Floats
    directions: Floats
    ages: Floats

    def __init__(self, n_components: int = 10, amnesia: float = 2.0) -> None:
        super().__init__()
        self.n_components = whole("n_components", n_components, least=1, most=1000)
        self.amnesia = number("amnesia", amnesia, least=0.0)
        self._components = component_names(self.n_components)
        self.directions = np.empty((self.n_components, 0))
        self.ages = np.zeros(self.n_components)

    def work(
        self, predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats
    ) -> Stage:
        """See ColumnStep."""
        before = np.empty((len(targets), self.n_components))
        after = np.empty((len(targets), self.n_components))
        _follow(
            predict_with, learn_from, columns, targets, self.counts, self.means,
            self.directions, self.ages, self.amnesia, before, after,
        )  # fmt: skip
        return Stage(self._components, before, after)


@kernel
def _follow(
    predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, counts: Floats,
    means: Floats, directions: Floats, ages: Floats, amnesia: float,
    before: Floats, after: Floats,
) -> None:  # fmt: skip
    rest = np.empty(means.shape[0])
    for i in range(targets.shape[0]):
        _centre(predict_with[i], columns, means, rest)
        _components(rest, directions, before[i])
        if math.isnan(targets[i]):
            after[i, :] = math.nan
            continue
        for j in range(columns.shape[0]):
            value = learn_from[i, j]
            if value == value:
                c = columns[j]
                counts[c] += 1.0
                means[c] += (clip(value) - means[c]) / counts[c]
        _centre(learn_from[i], columns, means, rest)
        _learn(rest, directions, ages, amnesia)
        _centre(learn_from[i], columns, means, rest)
        _components(rest, directions, after[i])


@helper
def _centre(row: Floats, columns: Ints, means: Floats, rest: Floats) -> None:
    rest[:] = 0.0  # an absent feature is at its mean
    for j in range(row.shape[0]):
        value = row[j]
        if value == value:
            rest[columns[j]] = clip(value) - means[columns[j]]


@helper
def _norm(direction: Floats) -> float:
    total = 0.0
    for value in direction:
        total += value * value
    return math.sqrt(total)


@helper
def _along(rest: Floats, direction: Floats, norm: float) -> float:
    """The length of `rest` along a direction; 0 along one that is 0."""
    if norm <= TINY:
        return 0.0
    total = 0.0
    for c in range(direction.shape[0]):
        total += rest[c] * (direction[c] / norm)
    return clip(total)


@helper
def _components(rest: Floats, directions: Floats, out: Floats) -> None:
    for k in range(directions.shape[0]):
        out[k] = _along(rest, directions[k], _norm(directions[k]))


@helper
def _learn(rest: Floats, directions: Floats, ages: Floats, amnesia: float) -> None:
    """The paper's equation 10 for each direction; `rest` loses what it explains (11)."""
    for k in range(directions.shape[0]):
        direction = directions[k]
        norm = _norm(direction)
        if norm <= TINY:  # the first event that no earlier direction explains starts it
            if _norm(rest) > TINY:
                ages[k] = 1.0
                for c in range(direction.shape[0]):
                    direction[c] = clip(rest[c])
            return
        length = _along(rest, direction, norm)
        ages[k] += 1.0
        extra = amnesia if ages[k] > amnesia + 1.0 else 0.0
        new = (1.0 + extra) / ages[k]
        for c in range(direction.shape[0]):
            direction[c] = clip((1.0 - new) * direction[c] + new * (length * rest[c]))
        norm = _norm(direction)
        length = _along(rest, direction, norm)
        for c in range(direction.shape[0]):
            if norm > TINY:
                rest[c] = clip(rest[c] - length * (direction[c] / norm))
