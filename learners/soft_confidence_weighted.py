"""Soft confidence-weighted learning."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import ClassVar

import numpy as np

from learners.base import Scored
from learners.errors import ParameterError
from learners.kernels import (
    LIMIT,
    TINY,
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
from learners.parameters import number, one_of, switch


class SoftConfidenceWeighted(LinearClassifier):
    """Soft confidence-weighted learning (SCW-I, SCW-II), with a diagonal covariance.

    The weights are a normal distribution. A row that is not judged right with probability
    `eta` moves it as little as is needed; `C` bounds or damps the move, so that a wrong
    label does not spoil what is known.

    Parameters
    ----------
    C
        Aggressiveness, above 0.
    eta
        The probability with which a row is to be judged right, between 0.5 and 1.
    mode
        1: SCW-I, the step is at most C. 2: SCW-II, the step is damped by 1 / (2C).
    learn_intercept
        Learn an intercept, as the weight of a feature that is always 1.
    weight_true, weight_false
        How much a row of that class counts, above 0; C is multiplied by it.

    Examples
    --------
    >>> from river import datasets, metrics
    >>> from learners.registry import create
    >>> model = create("soft_confidence_weighted", {"C": 0.1}, scale=True)
    >>> accuracy = metrics.Accuracy()
    >>> for x, y in datasets.Phishing():
    ...     accuracy.update(y, model.predict_one(x))
    ...     model.learn_one(x, y)
    >>> accuracy
    Accuracy: 89.20%

    References
    ----------
    Wang, Zhao, Hoi: Exact Soft Confidence-Weighted Learning. ICML 2012, propositions 1 and 2;
    of the covariance only the diagonal is kept.
    """

    per_column: ClassVar[Mapping[str, float]] = {"weights": 0.0, "variances": 1.0}
    scalars: ClassVar[Mapping[str, float]] = {"intercept": 0.0, "intercept_variance": 1.0}

    variances: Floats
    intercept_variance: Floats

    def __init__(
        self,
        C: float = 1.0,
        eta: float = 0.9,
        mode: int = 1,
        learn_intercept: bool = True,
        weight_true: float = 1.0,
        weight_false: float = 1.0,
    ) -> None:
        super().__init__()
        self.C = number("C", C, above=0.0)
        self.eta = number("eta", eta, above=0.5)
        if self.eta >= 1.0:
            raise ParameterError(f"eta = {eta!r}: must be a number between 0.5 and 1")
        self.phi = NormalDist().inv_cdf(self.eta)
        self.mode = one_of("mode", mode, (1, 2))
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
            self.intercept, self.intercept_variance, self.C * self.weight_true,
            self.C * self.weight_false, self.phi, self.mode, self.learn_intercept, out,
            self.told,
        )  # fmt: skip
        return classified(out)


@kernel
def step_size(margin: float, variance: float, C: float, phi: float, mode: int) -> float:
    """The paper's alpha."""
    p = phi * phi
    if mode == 1:
        root = math.sqrt(margin * margin * p * p / 4.0 + variance * p * (1.0 + p))
        alpha = (root - margin * (1.0 + p / 2.0)) / (variance * (1.0 + p))
        return min(C, max(0.0, alpha))
    n = variance + 1.0 / (2.0 * C)
    inner = p * margin * margin * variance * variance
    gamma = phi * math.sqrt(inner + 4.0 * n * variance * (n + variance * p))
    alpha = (gamma - (2.0 * margin * n + p * margin * variance)) / (
        2.0 * (n * n + n * variance * p)
    )
    return max(0.0, alpha)


@kernel
def variance_factor(alpha: float, variance: float, phi: float) -> float:
    """The paper's beta."""
    moved = alpha * variance * phi
    root = (math.sqrt(moved * moved + 4.0 * variance) - moved) / 2.0
    return alpha * phi / (root + moved)


@kernel
def _classify(
    predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats,
    weights: Floats, variances: Floats, intercept: Floats, intercept_variance: Floats,
    C_true: float, C_false: float, phi: float, mode: int, learn_intercept: bool, out: Floats,
    told: Floats,
) -> None:  # fmt: skip
    for i in range(targets.shape[0]):
        out[i] = sigmoid(dot(predict_with[i], columns, weights) + intercept[0])
        if told.shape[0] > 0:
            tell(predict_with[i], columns, weights, 1.0, intercept[0], told[i])
        if math.isnan(targets[i]):
            continue
        row = learn_from[i]
        sign, C = (1.0, C_true) if targets[i] > 0.0 else (-1.0, C_false)
        margin = clip(sign * (dot(row, columns, weights) + intercept[0]))
        variance = uncertainty(row, columns, variances)
        if learn_intercept:
            variance += intercept_variance[0]
        variance = min(variance, LIMIT)
        if variance > TINY and phi * math.sqrt(variance) > margin:
            alpha = step_size(margin, variance, C, phi, mode)
            beta = variance_factor(alpha, variance, phi)
            move_by_variance(row, columns, sign * alpha, beta, weights, variances)
            if learn_intercept:
                moved = intercept_variance[0]
                intercept[0] = clip(intercept[0] + sign * alpha * moved)
                intercept_variance[0] = max(0.0, moved - beta * moved * moved)
