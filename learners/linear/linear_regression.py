"""Linear regression by stochastic gradient descent."""

from __future__ import annotations

from learners.engine.kernels import Floats, Ints, clip, descend, dot, helper, kernel, often, predict
from learners.linear.base import LinearBatch, LinearRegressor
from learners.parameters import number, one_of

_LOSSES = ("squared", "huber", "epsilon_insensitive")


class LinearRegression(LinearRegressor):
    """Linear regression, one gradient step an event, with a constant learning rate.

    With "squared" and "huber" the same as River's LinearRegression with `optim.SGD`. River's
    epsilon-insensitive loss measures against 2y - 1; this one against y.

    Parameters
    ----------
    loss
        "squared": (p - y)^2. "huber": squared up to `epsilon`, straight beyond, so that
        outliers pull no harder than that. "epsilon_insensitive": an error up to `epsilon`
        costs nothing, beyond it the cost is straight: support vector regression.
    epsilon
        In units of the label, not below 0.
    learning_rate, intercept_lr
        Step sizes of the weights, above 0, and of the intercept, not below 0.
    l2
        Pull of the weights towards 0, not below 0.

    Examples
    --------
    >>> from river import datasets, metrics
    >>> from learners import create
    >>> model = create("linear_regression", {"intercept_lr": 0.1}, scale=True)
    >>> error = metrics.MAE()
    >>> for x, y in datasets.TrumpApproval():
    ...     error.update(y, model.predict_one(x))
    ...     model.learn_one(x, y)
    >>> error
    MAE: 0.558735

    References
    ----------
    Bottou: Large-Scale Machine Learning with Stochastic Gradient Descent. COMPSTAT 2010.
    Huber: Robust Estimation of a Location Parameter. Annals of Mathematical Statistics, 1964.
    """

    def __init__(
        self,
        loss: str = "squared",
        epsilon: float = 0.1,
        learning_rate: float = 0.01,
        intercept_lr: float = 0.01,
        l2: float = 0.0,
    ) -> None:
        super().__init__()
        self.loss = one_of("loss", loss, _LOSSES)
        self.epsilon = number("epsilon", epsilon, least=0.0)
        self.learning_rate = number("learning_rate", learning_rate, above=0.0)
        self.intercept_lr = number("intercept_lr", intercept_lr, least=0.0)
        self.l2 = number("l2", l2, least=0.0)

    def rates(self) -> tuple[str, ...]:
        """The step sizes."""
        return ("learning_rate", "intercept_lr")

    def work(self, batch: LinearBatch) -> None:
        """See Linear."""
        loss = _LOSSES.index(self.loss)
        rates = self.learning_rate, self.intercept_lr, self.l2
        _regress(*batch, loss, self.epsilon, *rates)


@helper
def slope(error: float, loss: int, epsilon: float) -> float:
    """The derivative of the loss by the prediction; `error` is prediction minus label."""
    if loss == 0:
        return min(max(2.0 * error, -1e12), 1e12)  # River's clip_gradient
    if loss == 1:
        return min(max(error, -epsilon), epsilon)
    if error > epsilon:
        return 1.0
    return -1.0 if error < -epsilon else 0.0


@kernel
def _regress(
    predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, times: Ints,
    out: Floats, contributions: Floats, weights: Floats, intercept: Floats,
    loss: int, epsilon: float,
    learning_rate: float, intercept_lr: float, l2: float,
) -> None:  # fmt: skip
    for i in range(targets.shape[0]):
        out[i] = predict(predict_with[i], columns, weights, 1.0, intercept[0], contributions, i)
        row = learn_from[i]
        for _ in range(often(targets[i], times, i)):
            error = dot(row, columns, weights) + intercept[0] - clip(targets[i])
            gradient = slope(error, loss, epsilon)
            intercept[0] = clip(intercept[0] - intercept_lr * gradient)
            descend(row, columns, gradient, learning_rate, l2, weights)
