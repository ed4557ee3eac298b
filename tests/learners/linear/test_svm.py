from __future__ import annotations

import math

import pytest

from learners.linear.svm import SVM
from tests.learners.data import phishing


@pytest.mark.parametrize("weight", [1.0, 5.0])
@pytest.mark.parametrize("learn_intercept", [False, True])
def test_pegasos_moves_by_the_papers_formula(learn_intercept: bool, weight: float) -> None:
    learner = SVM("pegasos", 0.1, regularization=0.1, learn_intercept=learn_intercept)
    learner.weight_true = weight
    w: dict[str, float] = {}
    for t, (features, label) in enumerate(phishing()[:500], start=1):
        x = {**features, "one": 1.0} if learn_intercept else features
        y = 1.0 if label else -1.0
        margin = sum(w.get(name, 0.0) * v for name, v in x.items())
        assert learner.score(features) == pytest.approx(1 / (1 + math.exp(-margin)), abs=1e-12)
        eta = 1 / (0.1 * t)
        w = {name: (1 - eta * 0.1) * v for name, v in w.items()}
        if y * margin < 1:
            step = eta * y * (weight if label else 1.0)
            w = {name: w.get(name, 0.0) + step * x.get(name, 0.0) for name in {**w, **x}}
        learner.learn_one(features, label)


def test_the_shrinking_factor_is_folded_in_before_it_vanishes() -> None:
    learner = SVM(mode="pegasos")
    for _ in range(3):
        learner.learn_one({"a": 1.0}, True)
    learner.shrink[0] = 1.2e-9
    expected = learner.weights[0] * 1.2e-9 * 0.75 * (1 - 1 / 5)
    learner.learn_one({"b": 1.0}, True)
    learner.learn_one({"b": 1.0}, True)
    assert learner.shrink[0] == pytest.approx(0.8)
    assert learner.weights[0] * learner.shrink[0] == pytest.approx(expected)
