"""The paper's propositions 1 and 2, with the weights in a dict."""

from __future__ import annotations

from math import exp, sqrt
from statistics import NormalDist

import pytest

from learners.linear.soft_confidence_weighted import SoftConfidenceWeighted
from tests.learners.data import phishing

PHI = NormalDist().inv_cdf(0.8)


def alpha_of(m: float, v: float, C: float, mode: int) -> float:
    if mode == 1:
        psi, zeta = 1 + PHI**2 / 2, 1 + PHI**2
        return min(C, max(0, (-m * psi + sqrt(m**2 * PHI**4 / 4 + v * PHI**2 * zeta)) / (v * zeta)))
    n = v + 1 / (2 * C)
    gamma = PHI * sqrt(PHI**2 * m**2 * v**2 + 4 * n * v * (n + v * PHI**2))
    return max(0, (-(2 * m * n + PHI**2 * m * v) + gamma) / (2 * (n**2 + n * v * PHI**2)))


@pytest.mark.parametrize("mode", [1, 2])
@pytest.mark.parametrize("learn_intercept", [False, True])
def test_it_moves_by_the_papers_formula(mode: int, learn_intercept: bool) -> None:
    learner = SoftConfidenceWeighted(0.3, 0.8, mode, learn_intercept, weight_true=2.0)
    mu: dict[str, float] = {}
    sigma: dict[str, float] = {}
    for features, label in phishing()[:500]:
        x = {**features, "one": 1.0} if learn_intercept else features
        y, C = (1.0, 0.6) if label else (-1.0, 0.3)
        margin = sum(mu.get(name, 0.0) * value for name, value in x.items())
        assert learner.score(features) == pytest.approx(1 / (1 + exp(-margin)), abs=1e-9)
        v = sum(sigma.get(name, 1.0) * value * value for name, value in x.items())
        if PHI * sqrt(v) - y * margin > 0:
            alpha = alpha_of(y * margin, v, C, mode)
            u = (-alpha * v * PHI + sqrt(alpha**2 * v**2 * PHI**2 + 4 * v)) ** 2 / 4
            beta = alpha * PHI / (sqrt(u) + v * alpha * PHI)
            for name, value in x.items():
                s = sigma.get(name, 1.0)
                mu[name] = mu.get(name, 0.0) + alpha * y * s * value
                sigma[name] = s - beta * s * s * value * value
        learner.learn_one(features, label)


@pytest.mark.parametrize("eta", [0.5, 1.0, 0.2])
def test_a_confidence_that_no_row_can_have_is_refused(eta: float) -> None:
    with pytest.raises(ValueError, match="eta"):
        SoftConfidenceWeighted(eta=eta)
