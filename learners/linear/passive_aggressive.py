"""Passive-aggressive learning of two classes and of numbers."""

from __future__ import annotations

from learners.engine.kernels import (
    TINY,
    Floats,
    Ints,
    add_scaled,
    clip,
    dot,
    helper,
    kernel,
    often,
    predict,
    sigmoid,
    squared_norm,
)
from learners.errors import WrongValue
from learners.linear.base import LinearBatch, LinearClassifier, LinearRegressor
from learners.parameters import number, one_of, switch


class PassiveAggressive(LinearClassifier):
    """Passive-aggressive classifier (PA, PA-I, PA-II).

    Each row that is misjudged, or judged right by a margin under 1, moves the weights as
    little as is needed to judge it right by a margin of 1; `C` bounds or damps the move.

    Parameters
    ----------
    C
        Aggressiveness, above 0. Small (0.01) for noisy labels.
    mode
        0: PA, always the whole move. 1: PA-I, the step is at most C. 2: PA-II, the step is
        damped by 1 / (2C).
    learn_intercept
        Whether the intercept moves with the weights, by the same step.
    weight_true, weight_false
        How much a row of that class counts, above 0; C is multiplied by it, so mode 0 knows
        no weights.

    Examples
    --------
    >>> from river import datasets, metrics
    >>> from learners import create
    >>> model = create("passive_aggressive", {"C": 0.01}, scale=True)
    >>> accuracy = metrics.Accuracy()
    >>> for x, y in datasets.Phishing():
    ...     accuracy.update(y, model.predict_one(x))
    ...     model.learn_one(x, y)
    >>> accuracy
    Accuracy: 89.52%

    References
    ----------
    Crammer, Dekel, Keshet, Shalev-Shwartz, Singer: Online Passive-Aggressive Algorithms.
    JMLR 7 (2006), section 3, figure 1.
    """

    def __init__(
        self,
        C: float = 1.0,
        mode: int = 1,
        learn_intercept: bool = True,
        weight_true: float = 1.0,
        weight_false: float = 1.0,
    ) -> None:
        self.C = number("C", C, above=0.0)
        self.mode = one_of("mode", mode, (0, 1, 2))
        self.learn_intercept = switch("learn_intercept", learn_intercept)
        super().__init__(weight_true, weight_false)
        if mode == 0 and (self.weight_true, self.weight_false) != (1.0, 1.0):
            raise WrongValue("mode", mode, "takes no weight_true and weight_false")

    def work(self, batch: LinearBatch) -> None:
        """See Linear."""
        C_true, C_false = self.C * self.weight_true, self.C * self.weight_false
        _classify(*batch, C_true, C_false, self.mode, self.learn_intercept)


class PassiveAggressiveRegressor(LinearRegressor):
    """Passive-aggressive regression (PA, PA-I, PA-II).

    A row predicted within `eps` of its label changes nothing; any other moves the weights
    as little as is needed to come within `eps`.

    River 0.26.1's PARegressor measures its loss against 2y - 1 instead of y; this one
    follows the paper.

    Parameters
    ----------
    C
        Aggressiveness, above 0.
    mode
        0: PA. 1: PA-I, the step is at most C. 2: PA-II, the step is damped by 1 / (2C).
    eps
        The error that is let pass, in units of the label, not below 0.
    learn_intercept
        Whether the intercept moves with the weights, by the same step.

    Examples
    --------
    >>> from river import datasets, metrics
    >>> from learners import create
    >>> model = create("passive_aggressive_regressor", {"C": 0.1}, scale=True)
    >>> error = metrics.MAE()
    >>> for x, y in datasets.TrumpApproval():
    ...     error.update(y, model.predict_one(x))
    ...     model.learn_one(x, y)
    >>> error
    MAE: 2.56542

    References
    ----------
    Crammer et al. (2006), section 5.
    """

    def __init__(
        self, C: float = 1.0, mode: int = 1, eps: float = 0.1, learn_intercept: bool = True
    ) -> None:
        super().__init__()
        self.C = number("C", C, above=0.0)
        self.mode = one_of("mode", mode, (0, 1, 2))
        self.eps = number("eps", eps, least=0.0)
        self.learn_intercept = switch("learn_intercept", learn_intercept)

    def work(self, batch: LinearBatch) -> None:
        """See Linear."""
        _regress(*batch, self.C, self.mode, self.eps, self.learn_intercept)


@helper
def step_size(loss: float, norm: float, C: float, mode: int) -> float:
    """The paper's tau; 0 for a row that is all zeros, as River has it."""
    if mode == 2:
        return loss / (norm + 0.5 / C)
    if norm <= TINY:
        return 0.0
    if mode == 1:
        return min(C, loss / norm)
    return loss / norm


@kernel
def _classify(
    predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, times: Ints,
    out: Floats, contributions: Floats, weights: Floats, intercept: Floats,
    C_true: float, C_false: float,
    mode: int, learn_intercept: bool,
) -> None:  # fmt: skip
    for i in range(targets.shape[0]):
        out[i] = sigmoid(
            predict(predict_with[i], columns, weights, 1.0, intercept[0], contributions, i)
        )
        row = learn_from[i]
        for _ in range(often(targets[i], times, i)):
            sign, C = (1.0, C_true) if targets[i] > 0.0 else (-1.0, C_false)
            loss = 1.0 - sign * (dot(row, columns, weights) + intercept[0])
            if loss > 0.0:
                step = sign * step_size(loss, squared_norm(row), C, mode)
                add_scaled(row, columns, step, weights)
                if learn_intercept:
                    intercept[0] = clip(intercept[0] + step)


@kernel
def _regress(
    predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, times: Ints,
    out: Floats, contributions: Floats, weights: Floats, intercept: Floats,
    C: float, mode: int, eps: float,
    learn_intercept: bool,
) -> None:  # fmt: skip
    for i in range(targets.shape[0]):
        out[i] = predict(predict_with[i], columns, weights, 1.0, intercept[0], contributions, i)
        row = learn_from[i]
        for _ in range(often(targets[i], times, i)):
            error = clip(targets[i]) - (dot(row, columns, weights) + intercept[0])
            loss = abs(error) - eps
            if loss > 0.0:
                sign = 1.0 if error > 0.0 else -1.0
                step = sign * step_size(loss, squared_norm(row), C, mode)
                add_scaled(row, columns, step, weights)
                if learn_intercept:
                    intercept[0] = clip(intercept[0] + step)
