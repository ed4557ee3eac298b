"""Logistic regression, one gradient step an event."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from learners.engine.kernels import (
    Floats,
    Ints,
    clip,
    descend,
    dot,
    helper,
    kernel,
    often,
    predict,
    sigmoid,
)
from learners.linear.base import LinearBatch, LinearClassifier
from learners.parameters import number, one_of

_OPTIMIZERS = ("sgd", "adagrad", "ftrl")


class LogisticRegression(LinearClassifier):
    """Logistic regression by stochastic gradient descent, AdaGrad or FTRL-Proximal.

    Its score is a probability proper, not just a ranking. "sgd" and "adagrad" are the same as
    River's with `optim.SGD` and `optim.AdaGrad`. "ftrl" follows the paper; River's predicts
    with weights that are one step old.

    Parameters
    ----------
    optimizer
        "sgd": a constant rate. "adagrad": a rate for each weight, which falls with its
        gradients. "ftrl": the same, with an l1 that leaves weights at exactly 0.
    learning_rate
        Step size, above 0; the alpha of FTRL.
    intercept_lr
        Step size of the intercept, by plain descent; 0 leaves it at 0.
    l1, l2
        Pull of the weights towards 0, not below 0; l1 is for "ftrl" only.
    beta
        FTRL: the larger, the slower the rates fall; not below 0.
    weight_true, weight_false
        How much a row of that class counts, above 0.

    Examples
    --------
    >>> from river import datasets, metrics
    >>> from learners import create
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
    Duchi, Hazan, Singer: Adaptive Subgradient Methods. JMLR 12 (2011), figure 1, diagonal.
    McMahan et al.: Ad Click Prediction: a View from the Trenches. KDD 2013, algorithm 1.
    """

    per_column: ClassVar[Mapping[str, float]] = {"weights": 0.0, "sums": 0.0, "squares": 0.0}

    sums: Floats
    squares: Floats

    def __init__(
        self,
        optimizer: str = "sgd",
        learning_rate: float = 0.01,
        intercept_lr: float = 0.01,
        l1: float = 0.0,
        l2: float = 0.0,
        beta: float = 1.0,
        weight_true: float = 1.0,
        weight_false: float = 1.0,
    ) -> None:
        self.optimizer = one_of("optimizer", optimizer, _OPTIMIZERS)
        self.learning_rate = number("learning_rate", learning_rate, above=0.0)
        self.intercept_lr = number("intercept_lr", intercept_lr, least=0.0)
        self.l1 = number("l1", l1, least=0.0, most=math.inf if optimizer == "ftrl" else 0.0)
        self.l2 = number("l2", l2, least=0.0)
        self.beta = number("beta", beta, least=0.0)
        super().__init__(weight_true, weight_false)

    def rates(self) -> tuple[str, ...]:
        """The step sizes."""
        return ("learning_rate", "intercept_lr")

    def work(self, batch: LinearBatch) -> None:
        """See Linear."""
        _classify(
            *batch, self.sums, self.squares, _OPTIMIZERS.index(self.optimizer),
            self.learning_rate, self.intercept_lr, self.l1, self.l2, self.beta,
            self.weight_true, self.weight_false,
        )  # fmt: skip


@helper
def log_gradient(margin: float, sign: float) -> float:
    """The derivative of log(1 + exp(-sign x margin)), with River's guard at +-18."""
    z = sign * margin
    if z > 18.0:
        return -sign * math.exp(-z) if z < 700.0 else 0.0
    if z < -18.0:
        return -sign
    return -sign / (math.exp(z) + 1.0)


@helper
def adagrad(
    row: Floats, columns: Ints, gradient: float, rate: float, l2: float,
    weights: Floats, squares: Floats,
) -> None:  # fmt: skip
    """One step down, each weight by rate / sqrt(the sum of its squared gradients)."""
    for j in range(row.shape[0]):
        value = row[j]
        if value == value:
            c = columns[j]
            slope = gradient * clip(value) + l2 * weights[c]
            squares[c] += slope * slope
            weights[c] = clip(weights[c] - rate / math.sqrt(squares[c] + 1e-8) * slope)


@helper
def ftrl(
    row: Floats, columns: Ints, gradient: float, rate: float, l1: float, l2: float, beta: float,
    weights: Floats, sums: Floats, squares: Floats,
) -> None:  # fmt: skip
    """The paper's z (sums) and n (squares), and the weights that follow from them."""
    for j in range(row.shape[0]):
        value = row[j]
        if value == value:
            c = columns[j]
            slope = gradient * clip(value)
            root = math.sqrt(squares[c])
            squares[c] += slope * slope
            new_root = math.sqrt(squares[c])
            sums[c] += slope - (new_root - root) / rate * weights[c]
            if abs(sums[c]) <= l1:
                weights[c] = 0.0
            elif (beta + new_root) / rate + l2 > 0.0:
                shrunk = sums[c] - l1 if sums[c] > 0.0 else sums[c] + l1
                weights[c] = clip(-shrunk / ((beta + new_root) / rate + l2))


@kernel
def _classify(
    predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, times: Ints,
    out: Floats, contributions: Floats, weights: Floats, intercept: Floats,
    sums: Floats, squares: Floats,
    optimizer: int, rate: float, intercept_lr: float, l1: float, l2: float, beta: float,
    weight_true: float, weight_false: float,
) -> None:  # fmt: skip
    for i in range(targets.shape[0]):
        out[i] = sigmoid(
            predict(predict_with[i], columns, weights, 1.0, intercept[0], contributions, i)
        )
        row = learn_from[i]
        for _ in range(often(targets[i], times, i)):
            sign, weight = (1.0, weight_true) if targets[i] > 0.0 else (-1.0, weight_false)
            gradient = weight * log_gradient(dot(row, columns, weights) + intercept[0], sign)
            intercept[0] = clip(intercept[0] - intercept_lr * gradient)
            if optimizer == 0:
                descend(row, columns, gradient, rate, l2, weights)
            elif optimizer == 1:
                adagrad(row, columns, gradient, rate, l2, weights, squares)
            else:
                ftrl(row, columns, gradient, rate, l1, l2, beta, weights, sums, squares)
