"""Online linear support vector machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from learners.engine.kernels import (
    Floats,
    Ints,
    clip,
    descend,
    dot,
    kernel,
    often,
    predict,
    sigmoid,
)
from learners.linear.base import LinearBatch, LinearClassifier
from learners.parameters import number, one_of, switch


class SVM(LinearClassifier):
    """Linear support vector machine: hinge loss, one gradient step an event.

    The score is the sigmoid of the margin: it ranks, but is no calibrated probability.

    Parameters
    ----------
    mode
        "sgd": constant learning rates, the same as River's
        LogisticRegression(optim.SGD(learning_rate), loss=Hinge()). "pegasos": the rate is
        1 / (regularization x t), t being the events learned, and the weights shrink; without
        the projection, which the paper calls optional.
    learning_rate, intercept_lr, l2
        sgd: step sizes of weights and intercept, and the pull of the weights towards 0.
    regularization
        pegasos: the paper's lambda, above 0.
    learn_intercept
        pegasos: learn an intercept, as the weight of a feature that is always 1.
    weight_true, weight_false
        How much a row of that class counts, above 0.

    Examples
    --------
    >>> from river import datasets, metrics
    >>> from learners import create
    >>> model = create("svm", {"mode": "pegasos"}, scale=True)
    >>> accuracy = metrics.Accuracy()
    >>> for x, y in datasets.Phishing():
    ...     accuracy.update(y, model.predict_one(x))
    ...     model.learn_one(x, y)
    >>> accuracy
    Accuracy: 87.28%

    References
    ----------
    Shalev-Shwartz, Singer, Srebro, Cotter: Pegasos: Primal Estimated sub-GrAdient SOlver for
    SVM. Mathematical Programming 127 (2011), figure 1 and section 6.
    """

    others: ClassVar[Mapping[str, float]] = {"intercept": 0.0, "shrink": 1.0, "steps": 0.0}

    shrink: Floats
    steps: Floats

    def __init__(
        self,
        mode: str = "sgd",
        learning_rate: float = 0.01,
        intercept_lr: float = 0.01,
        l2: float = 0.0,
        regularization: float = 0.01,
        learn_intercept: bool = True,
        weight_true: float = 1.0,
        weight_false: float = 1.0,
    ) -> None:
        self.mode = one_of("mode", mode, ("sgd", "pegasos"))
        self.learning_rate = number("learning_rate", learning_rate, above=0.0)
        self.intercept_lr = number("intercept_lr", intercept_lr, least=0.0)
        self.l2 = number("l2", l2, least=0.0)
        self.regularization = number("regularization", regularization, above=0.0)
        self.learn_intercept = switch("learn_intercept", learn_intercept)
        super().__init__(weight_true, weight_false)

    def rates(self) -> tuple[str, ...]:
        """The step sizes; those of Pegasos are what its proof rests on."""
        return ("learning_rate", "intercept_lr") if self.mode == "sgd" else ()

    def work(self, batch: LinearBatch) -> None:
        """See Linear."""
        weights = self.weight_true, self.weight_false
        if self.mode == "sgd":
            _sgd(*batch, *weights, self.learning_rate, self.intercept_lr, self.l2)
        else:
            _pegasos(
                *batch, *weights, self.shrink, self.steps, self.regularization,
                self.learn_intercept,
            )  # fmt: skip


@kernel
def _sgd(
    predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, times: Ints,
    out: Floats, contributions: Floats, weights: Floats, intercept: Floats, weight_true: float,
    weight_false: float, learning_rate: float, intercept_lr: float, l2: float,
) -> None:  # fmt: skip
    for i in range(targets.shape[0]):
        out[i] = sigmoid(
            predict(predict_with[i], columns, weights, 1.0, intercept[0], contributions, i)
        )
        row = learn_from[i]
        for _ in range(often(targets[i], times, i)):
            sign, weight = (1.0, weight_true) if targets[i] > 0.0 else (-1.0, weight_false)
            inside = sign * (dot(row, columns, weights) + intercept[0]) <= 1.0
            gradient = -sign * weight if inside else 0.0
            intercept[0] = clip(intercept[0] - intercept_lr * gradient)
            descend(row, columns, gradient, learning_rate, l2, weights)


@kernel
def _pegasos(
    predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, times: Ints,
    out: Floats, contributions: Floats, weights: Floats, intercept: Floats, weight_true: float,
    weight_false: float, shrink: Floats, steps: Floats, regularization: float,
    learn_intercept: bool,
) -> None:  # fmt: skip
    # The weights proper are shrink x weights: shrinking all of them is then one product.
    for i in range(targets.shape[0]):
        out[i] = sigmoid(
            predict(predict_with[i], columns, weights, shrink[0], intercept[0], contributions, i)
        )
        row = learn_from[i]
        for _ in range(often(targets[i], times, i)):
            sign, weight = (1.0, weight_true) if targets[i] > 0.0 else (-1.0, weight_false)
            margin = sign * (shrink[0] * dot(row, columns, weights) + intercept[0])
            steps[0] += 1.0
            shrink[0] *= 1.0 - 1.0 / steps[0]
            if shrink[0] < 1e-9:
                for c in range(weights.shape[0]):
                    weights[c] *= shrink[0]
                shrink[0] = 1.0
            if learn_intercept:
                intercept[0] *= 1.0 - 1.0 / steps[0]
            if margin < 1.0:
                rate = weight / (regularization * steps[0])
                for j in range(row.shape[0]):
                    value = row[j]
                    if value == value:
                        c = columns[j]
                        weights[c] = clip(weights[c] + rate / shrink[0] * sign * clip(value))
                if learn_intercept:
                    intercept[0] = clip(intercept[0] + rate * sign)
