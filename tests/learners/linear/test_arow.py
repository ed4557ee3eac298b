"""The paper's update, with the weights in a dict."""

from __future__ import annotations

import math

import pytest

from learners.linear.arow import AROW
from tests.learners.data import phishing


@pytest.mark.parametrize("weights", [(1.0, 1.0), (3.0, 0.5)])
@pytest.mark.parametrize("learn_intercept", [False, True])
def test_it_moves_by_the_papers_formula(
    learn_intercept: bool, weights: tuple[float, float]
) -> None:
    learner = AROW(0.5, learn_intercept, weight_true=weights[0], weight_false=weights[1])
    mu: dict[str, float] = {}
    sigma: dict[str, float] = {}
    for features, label in phishing()[:500]:
        x = {**features, "one": 1.0} if learn_intercept else features
        y = 1.0 if label else -1.0
        margin = sum(mu.get(name, 0.0) * v for name, v in x.items())
        assert learner.score(features) == pytest.approx(1 / (1 + math.exp(-margin)), abs=1e-9)
        if margin * y < 1:
            r = 0.5 / (weights[0] if label else weights[1])
            beta = 1 / (sum(sigma.get(name, 1.0) * v * v for name, v in x.items()) + r)
            alpha = max(0.0, 1 - y * margin) * beta
            for name, v in x.items():
                s = sigma.get(name, 1.0)
                mu[name] = mu.get(name, 0.0) + alpha * s * y * v
                sigma[name] = s - beta * s * s * v * v
        learner.learn_one(features, label)


def test_a_feature_seen_often_is_more_certain() -> None:
    learner = AROW()
    for i in range(20):
        learner.learn_one({"often": 1.0, **({"rare": 1.0} if i == 9 else {})}, i % 2 == 0)
    often, rare = (learner.variances[learner.columns.index[name]] for name in ("often", "rare"))
    assert often < rare < 1.0
