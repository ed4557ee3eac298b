"""Soft confidence-weighted learning."""

from __future__ import annotations

import math
from statistics import NormalDist

from learners.engine.kernels import (
    LIMIT,
    TINY,
    Floats,
    Ints,
    clip,
    dot,
    helper,
    kernel,
    often,
    predict,
    sigmoid,
)
from learners.errors import WrongValue
from learners.linear.base import LinearBatch
from learners.linear.confidence_weighted import (
    ConfidenceWeighted,
    move_by_variance,
    move_intercept,
    uncertainty,
)
from learners.parameters import number, one_of


class SoftConfidenceWeighted(ConfidenceWeighted):
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
    >>> from learners import create
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

    def __init__(
        self,
        C: float = 1.0,
        eta: float = 0.9,
        mode: int = 1,
        learn_intercept: bool = True,
        weight_true: float = 1.0,
        weight_false: float = 1.0,
    ) -> None:
        self.C = number("C", C, above=0.0)
        self.eta = number("eta", eta, above=0.5)
        if self.eta >= 1.0:
            raise WrongValue("eta", eta, "must be a number between 0.5 and 1")
        self.phi = NormalDist().inv_cdf(self.eta)
        self.mode = one_of("mode", mode, (1, 2))
        super().__init__(learn_intercept, weight_true, weight_false)

    def work(self, batch: LinearBatch) -> None:
        """See Linear."""
        C_true, C_false = self.C * self.weight_true, self.C * self.weight_false
        _classify(
            *batch, self.variances, self.intercept_variance, C_true, C_false, self.phi, self.mode,
            self.learn_intercept,
        )  # fmt: skip


@helper
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


@helper
def variance_factor(alpha: float, variance: float, phi: float) -> float:
    """The paper's beta."""
    moved = alpha * variance * phi
    root = (math.sqrt(moved * moved + 4.0 * variance) - moved) / 2.0
    return alpha * phi / (root + moved)


@kernel
def _classify(
    predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, times: Ints,
    out: Floats, contributions: Floats, weights: Floats, intercept: Floats, variances: Floats,
    intercept_variance: Floats, C_true: float, C_false: float, phi: float, mode: int,
    learn_intercept: bool,
) -> None:  # fmt: skip
    for i in range(targets.shape[0]):
        out[i] = sigmoid(
            predict(predict_with[i], columns, weights, 1.0, intercept[0], contributions, i)
        )
        row = learn_from[i]
        for _ in range(often(targets[i], times, i)):
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
                    move_intercept(sign * alpha, beta, intercept, intercept_variance)
