"""Logistic regression by stochastic gradient descent."""

from __future__ import annotations

import math

import numpy as np

from learners.base import Scored
from learners.kernels import Floats, Ints, clip, descend, dot, kernel, sigmoid
from learners.linear import LinearClassifier, classified
from learners.parameters import number


class LogisticRegression(LinearClassifier):
    """Logistic regression with a constant learning rate, as River's with `optim.SGD`.

    Its score is a probability proper, not just a ranking.

    Parameters
    ----------
    learning_rate
        Step size of the weights, above 0.
    intercept_lr
        Step size of the intercept; 0 leaves it at 0.
    l2
        Pull of the weights towards 0, not below 0.

    Examples
    --------
    >>> from river import datasets, metrics
    >>> from learners.registry import create
    >>> model = create("logistic_regression", {"learning_rate": 0.1}, scale=True)
    >>> accuracy = metrics.Accuracy()
    >>> for x, y in datasets.Phishing():
    ...     accuracy.update(y, model.predict_one(x))
    ...     model.learn_one(x, y)
    >>> accuracy
    Accuracy: 88.96%

    References
    ----------
    Bottou: Large-Scale Machine Learning with Stochastic Gradient Descent. COMPSTAT 2010.
    """

    def __init__(
        self, learning_rate: float = 0.01, intercept_lr: float = 0.01, l2: float = 0.0
    ) -> None:
        super().__init__()
        self.learning_rate = number("learning_rate", learning_rate, above=0.0)
        self.intercept_lr = number("intercept_lr", intercept_lr, least=0.0)
        self.l2 = number("l2", l2, least=0.0)

    def advance(
        self, predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats
    ) -> Scored:
        """See Compiled."""
        out = np.empty(len(targets))
        _classify(
            predict_with, learn_from, columns, targets, self.weights, self.intercept,
            self.learning_rate, self.intercept_lr, self.l2, out,
        )  # fmt: skip
        return classified(out)


@kernel
def log_gradient(margin: float, sign: float) -> float:
    """The derivative of log(1 + exp(-sign x margin)), with River's guard at +-18."""
    z = sign * margin
    if z > 18.0:
        return -sign * math.exp(-z)
    if z < -18.0:
        return -sign
    return -sign / (math.exp(z) + 1.0)


@kernel
def _classify(
    predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats,
    weights: Floats, intercept: Floats,
    learning_rate: float, intercept_lr: float, l2: float, out: Floats,
) -> None:  # fmt: skip
    for i in range(targets.shape[0]):
        out[i] = sigmoid(dot(predict_with[i], columns, weights) + intercept[0])
        if math.isnan(targets[i]):
            continue
        row = learn_from[i]
        sign = 1.0 if targets[i] > 0.0 else -1.0
        gradient = log_gradient(dot(row, columns, weights) + intercept[0], sign)
        intercept[0] = clip(intercept[0] - intercept_lr * gradient)
        descend(row, columns, gradient, learning_rate, l2, weights)
