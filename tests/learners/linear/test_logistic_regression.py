from __future__ import annotations

from math import copysign, exp, sqrt

import pytest

from learners.linear.logistic_regression import LogisticRegression
from tests.learners.data import phishing

ALPHA, BETA, L1, L2 = 0.2, 1.5, 0.5, 0.3


def test_ftrl_moves_by_the_papers_algorithm() -> None:
    learner = LogisticRegression("ftrl", ALPHA, 0.0, L1, L2, BETA)
    z: dict[str, float] = {}
    n: dict[str, float] = {}
    zeros = 0
    for x, label in phishing():
        w = dict.fromkeys(x, 0.0)
        for i in x:
            if abs(z.get(i, 0.0)) > L1:
                rate = (BETA + sqrt(n[i])) / ALPHA + L2
                w[i] = -(z[i] - copysign(1, z[i]) * L1) / rate
        zeros += sum(1 for v in w.values() if v == 0.0)
        p = 1 / (1 + exp(-sum(w[i] * v for i, v in x.items())))
        assert learner.score(x) == pytest.approx(p, abs=1e-9)
        for i, v in x.items():
            g = (p - label) * v
            sigma = (sqrt(n.get(i, 0.0) + g * g) - sqrt(n.get(i, 0.0))) / ALPHA
            z[i] = z.get(i, 0.0) + g - sigma * w[i]
            n[i] = n.get(i, 0.0) + g * g
        learner.learn_one(x, label)
    assert zeros > 100  # l1 was at work


def test_a_large_l1_leaves_every_weight_at_zero() -> None:
    learner = LogisticRegression("ftrl", l1=1e4)
    for x, label in phishing()[:200]:
        learner.learn_one(x, label)
    assert not learner.state()["weights"].any()


def test_a_weight_for_true_raises_the_probability_of_true() -> None:
    plain, weighted = LogisticRegression(), LogisticRegression(weight_true=10.0)
    for x, label in phishing():
        plain.learn_one(x, label)
        weighted.learn_one(x, label)
    x = phishing()[0][0]
    assert weighted.predict_proba_one(x)[True] > plain.predict_proba_one(x)[True]
