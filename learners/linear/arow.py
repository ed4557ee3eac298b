"""Adaptive regularization of weights."""

from __future__ import annotations

from learners.engine.kernels import Floats, Ints, dot, kernel, often, predict, sigmoid
from learners.linear.base import LinearBatch
from learners.linear.confidence_weighted import (
    ConfidenceWeighted,
    move_by_variance,
    move_intercept,
    uncertainty,
)
from learners.parameters import number


class AROW(ConfidenceWeighted):
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
    >>> from learners import create
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

    def __init__(
        self,
        r: float = 1.0,
        learn_intercept: bool = True,
        weight_true: float = 1.0,
        weight_false: float = 1.0,
    ) -> None:
        self.r = number("r", r, above=0.0)
        super().__init__(learn_intercept, weight_true, weight_false)

    def work(self, batch: LinearBatch) -> None:
        """See Linear."""
        r_true, r_false = self.r / self.weight_true, self.r / self.weight_false
        _classify(
            *batch, self.variances, self.intercept_variance, r_true, r_false, self.learn_intercept
        )


@kernel
def _classify(
    predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, times: Ints,
    out: Floats, contributions: Floats, weights: Floats, intercept: Floats, variances: Floats,
    intercept_variance: Floats, r_true: float, r_false: float, learn_intercept: bool,
) -> None:  # fmt: skip
    for i in range(targets.shape[0]):
        out[i] = sigmoid(
            predict(predict_with[i], columns, weights, 1.0, intercept[0], contributions, i)
        )
        row = learn_from[i]
        for _ in range(often(targets[i], times, i)):
            sign, r = (1.0, r_true) if targets[i] > 0.0 else (-1.0, r_false)
            loss = 1.0 - sign * (dot(row, columns, weights) + intercept[0])
            if loss > 0.0:
                variance = uncertainty(row, columns, variances)
                if learn_intercept:
                    variance += intercept_variance[0]
                beta = 1.0 / (variance + r)
                step = sign * loss * beta
                move_by_variance(row, columns, step, beta, weights, variances)
                if learn_intercept:
                    move_intercept(step, beta, intercept, intercept_variance)
