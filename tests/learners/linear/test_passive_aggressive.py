"""The paper's update, written out as slowly as it is printed."""

from __future__ import annotations

import math

import pytest

from learners.linear.passive_aggressive import PassiveAggressive, PassiveAggressiveRegressor
from tests.learners.data import approval, phishing


def tau(loss: float, norm: float, C: float, mode: int) -> float:
    if mode == 2:
        return loss / (norm + 1 / (2 * C))
    if norm == 0:
        return 0.0
    return loss / norm if mode == 0 else min(C, loss / norm)


@pytest.mark.parametrize(("mode", "weight"), [(0, 1.0), (1, 1.0), (2, 1.0), (1, 3.0), (2, 3.0)])
def test_the_classifier_moves_by_the_papers_formula(mode: int, weight: float) -> None:
    learner = PassiveAggressive(0.3, mode, learn_intercept=False, weight_true=weight)
    w: dict[str, float] = {}
    for x, label in phishing()[:400]:
        y = 1.0 if label else -1.0
        margin = sum(w.get(name, 0.0) * v for name, v in x.items())
        assert learner.score(x) == pytest.approx(1 / (1 + math.exp(-margin)), abs=1e-12)
        C = 0.3 * weight if label else 0.3
        step = tau(max(0.0, 1 - y * margin), sum(v * v for v in x.values()), C, mode)
        for name, v in x.items():
            w[name] = w.get(name, 0.0) + step * y * v
        learner.learn_one(x, label)


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_the_regressor_moves_by_the_papers_formula(mode: int) -> None:
    learner = PassiveAggressiveRegressor(C=0.01, mode=mode, eps=0.5, learn_intercept=False)
    w: dict[str, float] = {}
    for x, y in approval()[:400]:
        value = sum(w.get(name, 0.0) * v for name, v in x.items())
        assert learner.predict_one(x) == pytest.approx(value, rel=1e-9)
        norm = sum(v * v for v in x.values())
        step = tau(max(0.0, abs(y - value) - 0.5), norm, 0.01, mode) * math.copysign(1, y - value)
        for name, v in x.items():
            w[name] = w.get(name, 0.0) + step * v
        learner.learn_one(x, y)


def test_a_row_judged_right_with_room_changes_nothing() -> None:
    learner = PassiveAggressive(mode=0)
    learner.learn_one({"a": 2.0}, True)
    before = learner.state()["weights"].tolist()
    learner.learn_one({"a": 4.0}, True)
    assert learner.state()["weights"].tolist() == before


def test_a_label_given_as_minus_one_is_refused() -> None:
    with pytest.raises(ValueError, match="label -1"):
        PassiveAggressive().learn_one({"a": 1.0}, -1)
