"""Feature selection by the weights of a truncated linear learner."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from learners.base import Task
from learners.engine.kernels import TINY, Floats, Ints, add_scaled, clip, dot, helper, kernel
from learners.parameters import number
from learners.steps.selection import UNKNOWN, Selection, SelectionBatch, find_threshold, passed


class SelectByWeight(Selection):
    """Lets the `k` features pass that a linear learner of its own gives the largest weights.

    That learner descends the hinge loss of every event that it misjudges or judges right by a
    margin under 1, shrinks its weights into a ball of radius 1 / sqrt(l2), and then sets all
    but the `k` largest to 0. For two classes. Scale before it.

    Parameters
    ----------
    k
        Features that pass, at least 1.
    learning_rate
        Length of a step down, above 0.
    l2
        How much weights shrink, above 0; times `learning_rate` at most 1.

    Examples
    --------
    >>> from river import datasets
    >>> step = SelectByWeight(k=2)
    >>> for x, y in datasets.Phishing():
    ...     step.learn_one(x, y)
    >>> step.transform_one(x)
    {'empty_server_form_handler': 1.0, 'is_popular': 0.5}

    References
    ----------
    Wang, Zhao, Hoi, Jin: Online Feature Selection and Its Applications. IEEE Transactions on
    Knowledge and Data Engineering 26 (2014), algorithm 3 (OFS by sparse projection).
    """

    tasks: ClassVar[tuple[Task, ...]] = ("binary",)
    per_column: ClassVar[Mapping[str, float]] = {"merits": UNKNOWN, "weights": 0.0}

    weights: Floats

    def __init__(self, k: int = 10, learning_rate: float = 0.2, l2: float = 0.01) -> None:
        super().__init__(k)
        self.learning_rate = number("learning_rate", learning_rate, above=0.0)
        self.l2 = number("l2", l2, above=0.0, most=1.0 / self.learning_rate)

    def select(self, batch: SelectionBatch) -> None:
        """See Selection."""
        _select(*batch, self.learning_rate, self.l2, self.weights)


@kernel
def _select(
    predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, before: Floats,
    after: Floats, k: int, merits: Floats, learned: Floats, rate: float, l2: float,
    weights: Floats,
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
        for j in range(columns.shape[0]):
            if learn_from[i, j] == learn_from[i, j]:
                merits[columns[j]] = max(0.0, merits[columns[j]])
        sign = 1.0 if targets[i] > 0.0 else -1.0
        wrong = sign * dot(learn_from[i], columns, weights) <= 1.0
        for c in range(weights.shape[0]):
            weights[c] *= 1.0 - l2 * rate
        if wrong:
            add_scaled(learn_from[i], columns, rate * sign, weights)
            _into_ball(weights, 1.0 / math.sqrt(l2))
        for c in range(weights.shape[0]):
            if merits[c] >= 0.0:
                merits[c] = abs(weights[c])
        find_threshold(merits, k, threshold)
        for c in range(weights.shape[0]):
            equal = merits[c] == threshold[0] and c <= threshold[1]
            if not (merits[c] > threshold[0] or equal):
                weights[c] = 0.0
                merits[c] = min(0.0, merits[c])


@helper
def _into_ball(weights: Floats, radius: float) -> None:
    total = 0.0
    for weight in weights:
        total += weight * weight
    length = math.sqrt(total)
    if length > radius:
        for c in range(weights.shape[0]):
            weights[c] = clip(weights[c] * (radius / max(length, TINY)))
