"""What the learners share whose weights have a variance each: how sure they are of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from learners.engine.kernels import Floats, Ints, clip, helper
from learners.linear.base import LinearClassifier
from learners.parameters import switch


class ConfidenceWeighted(LinearClassifier):
    """Weights that are a normal distribution, with a diagonal covariance.

    With `learn_intercept` an intercept is learned, as the weight of a feature that is always 1.
    """

    per_column: ClassVar[Mapping[str, float]] = {"weights": 0.0, "variances": 1.0}
    others: ClassVar[Mapping[str, float]] = {"intercept": 0.0, "intercept_variance": 1.0}

    variances: Floats
    intercept_variance: Floats

    def __init__(self, learn_intercept: bool, weight_true: float, weight_false: float) -> None:
        self.learn_intercept = switch("learn_intercept", learn_intercept)
        super().__init__(weight_true, weight_false)


@helper
def uncertainty(row: Floats, columns: Ints, variances: Floats) -> float:
    """The variance of a margin without an intercept: the sum of variance x value squared."""
    total = 0.0
    for j in range(row.shape[0]):
        value = row[j]
        if value == value:
            value = clip(value)
            total += variances[columns[j]] * value * value
    return total


@helper
def move_by_variance(
    row: Floats, columns: Ints, step: float, shrink: float, weights: Floats, variances: Floats
) -> None:
    """weights += step x variance x row; variances -= shrink x (variance x row) squared."""
    for j in range(row.shape[0]):
        value = row[j]
        if value == value:
            c = columns[j]
            moved = variances[c] * clip(value)
            weights[c] = clip(weights[c] + step * moved)
            variances[c] = max(0.0, variances[c] - shrink * moved * moved)


@helper
def move_intercept(step: float, shrink: float, intercept: Floats, variance: Floats) -> None:
    """The same for the weight of a feature that is always 1."""
    moved = variance[0]
    intercept[0] = clip(intercept[0] + step * moved)
    variance[0] = max(0.0, moved - shrink * moved * moved)
