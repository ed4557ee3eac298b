"""Adaptive regularization of weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from learners.base import Scored
from learners.kernels import (
    Floats,
    Ints,
    clip,
    dot,
    kernel,
    move_by_variance,
    sigmoid,
    tell,
    uncertainty,
)
from learners.linear import LinearClassifier, classified
from learners.parameters import number, switch


class AROW(LinearClassifier):
    """AROW, with a diagonal covariance.

    Every weight has a variance. A row inside the margin moves the uncertain weights most, and
    makes the weights of its features more certain; one noisy label cannot undo what many
    rows have settled, as it can with passive-aggressive learning.

    Parameters
    ----------
    r
        How much one row is distrusted, above 0: larger moves less.
    learn_intercept
        Learn an intercept, as the weight of a feature that is always 1.
    weight_true, weight_false
        How much a row of that class counts, above 0; r is divided by it.

    Examples
    --------
    >>> from river import datasets, metrics
    >>> from learners.registry import create
    >>> model = create("arow", scale=True)
    >>> accuracy = metrics.Accuracy()
    >>> for x, y in datasets.Phishing():
    ...     accuracy.update(y, model.predict_one(x))
    ...     model.learn_one(x, y)
    >>> accuracy
    Accuracy: 88.48%

    References
    ----------
    Crammer, Kulesza, Dredze: Adaptive Regularization of Weight Vectors. NIPS 2009, figure 1;
    of the covariance only the diagonal is kept.
    """

    per_column: ClassVar[Mapping[str, float]] = {"weights": 0.0, "variances": 1.0}
    scalars: ClassVar[Mapping[str, float]] = {"intercept": 0.0, "intercept_variance": 1.0}

    variances: Floats
    intercept_variance: Floats

    def __init__(
        self,
        r: float = 1.0,
        learn_intercept: bool = True,
        weight_true: float = 1.0,
        weight_false: float = 1.0,
    ) -> None:
        super().__init__()
        self.r = number("r", r, above=0.0)
        self.learn_intercept = switch("learn_intercept", learn_intercept)
        self.weight_true = number("weight_true", weight_true, above=0.0)
        self.weight_false = number("weight_false", weight_false, above=0.0)

    def advance(
        self, predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats
    ) -> Scored:
        """See Compiled."""
        out = np.empty(len(targets))
        _classify(
            predict_with, learn_from, columns, targets, self.weights, self.variances,
            self.intercept, self.intercept_variance, self.r / self.weight_true,
            self.r / self.weight_false, self.learn_intercept, out, self.told,
        )  # fmt: skip
        return classified(out)


@kernel
def _classify(
    predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats,
    weights: Floats, variances: Floats, intercept: Floats, intercept_variance: Floats,
    r_true: float, r_false: float, learn_intercept: bool, out: Floats, told: Floats,
) -> None:  # fmt: skip
    for i in range(targets.shape[0]):
        out[i] = sigmoid(dot(predict_with[i], columns, weights) + intercept[0])
        if told.shape[0] > 0:
            tell(predict_with[i], columns, weights, 1.0, intercept[0], told[i])
        if math.isnan(targets[i]):
            continue
        row = learn_from[i]
        sign, r = (1.0, r_true) if targets[i] > 0.0 else (-1.0, r_false)
        loss = 1.0 - sign * (dot(row, columns, weights) + intercept[0])
        if loss > 0.0:
            variance = uncertainty(row, columns, variances)
            if learn_intercept:
                variance += intercept_variance[0]
            beta = 1.0 / (variance + r)
            move_by_variance(row, columns, sign * loss * beta, beta, weights, variances)
            if learn_intercept:
                moved = intercept_variance[0]
                intercept[0] = clip(intercept[0] + sign * loss * beta * moved)
                intercept_variance[0] = max(0.0, moved - beta * moved * moved)
