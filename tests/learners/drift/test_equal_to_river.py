"""Our detectors against River's, on random streams whose mean and spread jump."""

from __future__ import annotations

import importlib
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from river import drift

from learners.drift.adwin import ADWIN
from learners.drift.detector import Detector
from learners.drift.kswin import KSWIN, draw, least_distance
from learners.drift.page_hinkley import PageHinkley


def jumping(seed: int, n: int = 6000, binary: bool = False) -> list[float]:
    """Losses whose distribution changes now and then."""
    rng = random.Random(seed)
    losses = []
    mean, spread = 0.3, 0.1
    for _ in range(n):
        if rng.random() < 1 / 700:
            mean, spread = rng.uniform(0.05, 0.95), rng.uniform(0.01, 0.3)
        losses.append(float(rng.random() < mean) if binary else rng.gauss(mean, spread))
    return losses


def rivers(detector: Any, losses: Sequence[float]) -> list[int]:
    """The rows at which River's fires."""
    rows = []
    for i, loss in enumerate(losses):
        detector.update(loss)
        if detector.drift_detected:
            rows.append(i)
    return rows


def changes(detector: Detector, losses: Sequence[float]) -> list[int]:
    """The rows at which ours fires."""
    rows, at, array = [], 0, np.array(losses)
    while at < len(losses):
        at, _ = detector.find(array, at)
        if at < len(losses):
            rows.append(at)
        at += 1
    return rows


@pytest.mark.parametrize("binary", [False, True], ids=["real", "binary"])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "params",
    [{}, {"delta": 0.1, "clock": 1}, {"delta": 0.5, "max_buckets": 2, "min_window_length": 1}],
    ids=["default", "every event", "few buckets"],
)
def test_adwin_fires_where_rivers_does(seed: int, params: dict[str, Any], binary: bool) -> None:
    losses = jumping(seed, binary=binary)
    expected = rivers(drift.ADWIN(**params), losses)
    assert expected
    assert changes(ADWIN(**params), losses) == expected


def test_adwins_window_is_rivers_bit_by_bit() -> None:
    losses = jumping(3, 5000)
    theirs, ours = drift.ADWIN(delta=1e-12), ADWIN(delta=1e-12)
    for loss in losses:
        theirs.update(loss)
        ours.find(np.array([loss]))
        if not theirs.drift_detected:
            width, total, variance = ours.numbers[:3]
            assert (width, total) == (theirs.width, theirs.total)
            assert variance == theirs.variance


@pytest.mark.parametrize("binary", [False, True], ids=["real", "binary"])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "params",
    [
        {"alpha": 0.9999, "delta": 0.005},
        {"delta": 0.05, "alpha": 1.0, "threshold": 10.0},
        {"min_instances": 1, "threshold": 1.0, "alpha": 0.99, "delta": 0.005},
    ],
)
def test_page_hinkley_fires_where_rivers_does(
    seed: int, params: dict[str, Any], binary: bool
) -> None:
    losses = jumping(seed, binary=binary)
    expected = rivers(drift.PageHinkley(**params), losses)
    assert expected
    assert changes(PageHinkley(**params), losses) == expected


class OurDraws:
    """Stands for River's generator: the same draws as ours."""

    def __init__(self, state: float) -> None:
        self.state = state

    def sample(self, places: range, n: int) -> list[int]:
        drawn = np.empty(n)
        self.state = draw(np.array(places, np.float64), drawn, self.state)
        return [int(place) for place in drawn]


@pytest.mark.parametrize("binary", [False, True], ids=["real", "binary"])
@pytest.mark.parametrize(
    "params", [{"alpha": 0.05}, {"alpha": 0.01, "window_size": 60, "stat_size": 20}]
)
def test_kswin_fires_where_rivers_does_with_the_same_draws(
    params: dict[str, Any], binary: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = jumping(2, 1500, binary=binary)
    monkeypatch.setattr("river.drift.kswin.random.Random", lambda seed: OurDraws(8.0))
    ours = KSWIN(**params, seed=7)
    expected = rivers(drift.KSWIN(**{"alpha": ours.alpha, **params}), losses)
    assert expected
    assert changes(ours, losses) == expected


def test_draws_are_even_and_none_is_drawn_twice() -> None:
    counts, state, drawn = np.zeros(70), 1.0, np.empty(30)
    for _ in range(7000):
        state = draw(np.arange(70.0), drawn, state)
        assert len(set(drawn.tolist())) == 30
        counts[drawn.astype(int)] += 1
    assert counts.min() > 2800
    assert counts.max() < 3200


def test_the_least_distance_is_the_one_of_scipy() -> None:
    stats = importlib.import_module("scipy.stats")

    for n, alpha in ((5, 0.05), (30, 0.0001), (80, 0.2)):
        h = least_distance(n, alpha)
        base = np.arange(n)
        for shift, rejected in ((h, True), (h - 1, False)):
            p = stats.ks_2samp(base, base + shift, method="exact").pvalue
            assert bool(p <= alpha) == rejected
