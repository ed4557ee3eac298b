from __future__ import annotations

from typing import Any

import pytest
from river import linear_model, optim, preprocessing

from learners.linear.linear_regression import LinearRegression
from learners.registry import create
from tests.learners.data import approval


@pytest.mark.parametrize("scale", [False, True], ids=["bare", "scaled"])
@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize(
    ("loss", "rivers"),
    [("squared", optim.losses.Squared()), ("huber", optim.losses.Huber(0.5))],
)
def test_it_predicts_as_rivers(
    loss: str, rivers: optim.losses.RegressionLoss, l2: float, scale: bool
) -> None:
    # The bare features go up to a hundred, where plain descent diverges at a larger rate.
    rate = 0.01 if scale else 1e-5
    theirs: Any = linear_model.LinearRegression(optim.SGD(rate), rivers, l2=l2)
    if scale:
        theirs = preprocessing.StandardScaler() | theirs
    params = {"loss": loss, "epsilon": 0.5, "learning_rate": rate, "l2": l2}
    model = create("linear_regression", params, scale)
    events = approval()
    scored = model.run([x for x, _ in events], [y for _, y in events])
    for i, (x, y) in enumerate(events):
        assert scored.predictions[i] == pytest.approx(theirs.predict_one(x), rel=1e-9, abs=1e-9), i
        theirs.learn_one(x, y)


def test_epsilon_insensitive_moves_by_its_definition() -> None:
    learner = LinearRegression("epsilon_insensitive", 0.5, 1e-4, 0.01)
    w: dict[str, float] = {}
    b = 0.0
    for x, y in approval():
        p = sum(w.get(i, 0.0) * v for i, v in x.items()) + b
        assert learner.predict_one(x) == pytest.approx(p, rel=1e-9, abs=1e-9)
        sign = 0 if abs(p - y) <= 0.5 else 1 if p > y else -1
        b -= 0.01 * sign
        w = {i: w.get(i, 0.0) - 1e-4 * sign * v for i, v in x.items()}
        learner.learn_one(x, y)


def test_an_outlier_pulls_the_huber_loss_no_harder_than_its_bound() -> None:
    learner = LinearRegression("huber", 2.0, 0.1, 0.1)
    learner.learn_one({"a": 1.0}, 1e9)
    assert learner.predict_one({"a": 1.0}) == pytest.approx(0.4)
