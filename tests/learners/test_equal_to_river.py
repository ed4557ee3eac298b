"""Our learners against River's own, event by event, on real data."""

from __future__ import annotations

from typing import Any

import pytest
from river import linear_model, optim, preprocessing

from learners.registry import create
from tests.learners.data import Event, approval, phishing


class PaperLoss(optim.losses.EpsilonInsensitiveHinge):
    """The loss that River's PARegressor means: its own measures against 2y - 1."""

    def __call__(self, y_true: Any, y_pred: Any) -> Any:
        return max(abs(y_pred - y_true) - self.eps, 0.0)


def hinge_sgd(rate: float, l2: float = 0.0) -> Any:
    return linear_model.LogisticRegression(optim.SGD(rate), loss=optim.losses.Hinge(), l2=l2)


def log_sgd(rate: float, l2: float = 0.0) -> Any:
    return linear_model.LogisticRegression(optim.SGD(rate), l2=l2)


CLASSIFIERS: list[tuple[str, dict[str, Any], Any]] = [
    ("passive_aggressive", {"C": 0.01}, linear_model.PAClassifier(C=0.01)),
    ("passive_aggressive", {"mode": 0}, linear_model.PAClassifier(mode=0)),
    ("passive_aggressive", {"C": 0.1, "mode": 2}, linear_model.PAClassifier(C=0.1, mode=2)),
    (
        "passive_aggressive",
        {"learn_intercept": False},
        linear_model.PAClassifier(learn_intercept=False),
    ),
    ("svm", {}, hinge_sgd(0.01)),
    ("svm", {"learning_rate": 0.1, "l2": 0.01}, hinge_sgd(0.1, l2=0.01)),
    ("logistic_regression", {}, log_sgd(0.01)),
    ("logistic_regression", {"learning_rate": 0.1, "l2": 0.01}, log_sgd(0.1, l2=0.01)),
]


WEIGHTED: list[tuple[str, dict[str, Any], Any]] = [
    (
        "logistic_regression",
        {"weight_true": 4.0, "weight_false": 0.5},
        linear_model.LogisticRegression(loss=optim.losses.Log(4.0, 0.5)),
    ),
    (
        "logistic_regression",
        {"optimizer": "adagrad", "learning_rate": 0.1},
        linear_model.LogisticRegression(optim.AdaGrad(0.1)),
    ),
    (
        "logistic_regression",
        {"optimizer": "adagrad", "learning_rate": 0.5, "l2": 0.01, "weight_true": 2.0},
        linear_model.LogisticRegression(optim.AdaGrad(0.5), optim.losses.Log(2.0), l2=0.01),
    ),
]


def half_absent(events: list[Event]) -> list[Event]:
    """Every other event lacks every third feature."""
    return [
        ({name: v for j, (name, v) in enumerate(x.items()) if i % 2 or j % 3}, y)
        for i, (x, y) in enumerate(events)
    ]


@pytest.mark.parametrize("events", [phishing(), half_absent(phishing())], ids=["full", "absent"])
@pytest.mark.parametrize("scale", [False, True], ids=["bare", "scaled"])
@pytest.mark.parametrize(("type", "params", "river"), CLASSIFIERS + WEIGHTED)
def test_a_classifier_scores_as_rivers(
    type: str, params: dict[str, Any], river: Any, scale: bool, events: list[Event]
) -> None:
    theirs = river.clone()
    if scale:
        theirs = preprocessing.StandardScaler() | theirs
    model = create(type, params, scale)
    dicts = [x for x, _ in events]
    scored = model.run(dicts, [y for _, y in events])
    for i, (x, y) in enumerate(events):
        assert scored.scores[i] == pytest.approx(theirs.predict_proba_one(x)[True], abs=1e-9), i
        theirs.learn_one(x, y)


@pytest.mark.parametrize("scale", [False, True], ids=["bare", "scaled"])
@pytest.mark.parametrize("mode", [0, 1, 2])
def test_the_regressor_predicts_as_rivers_with_its_loss_put_right(mode: int, scale: bool) -> None:
    theirs: Any = linear_model.PARegressor(C=0.01, mode=mode, eps=0.5)
    theirs.loss = PaperLoss(eps=0.5)
    if scale:
        theirs = preprocessing.StandardScaler() | theirs
    params = {"C": 0.01, "mode": mode, "eps": 0.5}
    model = create("passive_aggressive_regressor", params, scale)
    events = approval()
    scored = model.run([x for x, _ in events], [y for _, y in events])
    for i, (x, y) in enumerate(events):
        assert scored.predictions[i] == pytest.approx(theirs.predict_one(x), abs=1e-9), i
        theirs.learn_one(x, y)


def test_rivers_own_regressor_differs_from_the_paper() -> None:
    theirs, model = linear_model.PARegressor(), create("passive_aggressive_regressor")
    theirs.learn_one({"a": 1.0}, 3.0)
    model.learn_one({"a": 1.0}, 3.0)
    assert model.predict_one({"a": 1.0}) == pytest.approx(2.0)  # C = 1 bounds the step
    small, wrong = create("passive_aggressive_regressor", {"C": 9.0}), linear_model.PARegressor(9.0)
    small.learn_one({"a": 1.0}, 3.0)
    wrong.learn_one({"a": 1.0}, 3.0)
    assert small.predict_one({"a": 1.0}) == pytest.approx(2 * 2.9)  # weight and intercept
    assert wrong.predict_one({"a": 1.0}) == pytest.approx(2 * 4.9)


def test_the_pipelines_agree_on_labels_that_come_only_sometimes() -> None:
    from learners.model import UNLABELLED

    theirs = preprocessing.StandardScaler() | linear_model.PAClassifier(C=0.01)
    model = create("passive_aggressive", {"C": 0.01}, scale=True)
    events = phishing()
    labels = [y if i % 3 else UNLABELLED for i, (_, y) in enumerate(events)]
    scored = model.run([x for x, _ in events], labels)
    for i, (x, y) in enumerate(events):
        assert scored.scores[i] == pytest.approx(theirs.predict_proba_one(x)[True], abs=1e-9), i
        if i % 3:
            theirs.learn_one(x, y)
    assert model.learned == sum(1 for i in range(len(events)) if i % 3)
