from __future__ import annotations

import math
from collections import Counter
from itertools import islice
from typing import Any

import numpy as np
import pytest
from river import datasets, ensemble, linear_model, optim, preprocessing

from learners import create
from learners.engine.compiled import ONCE
from learners.engine.rows import Rows
from learners.ensembles.bagging import Bagging, draw
from learners.errors import ParameterError
from learners.model import Model
from learners.saved import snapshots

SGD: dict[str, Any] = {"type": "logistic_regression", "learning_rate": 0.05, "intercept_lr": 0.05}
Event = tuple[dict[str, Any], bool]


def phishing() -> list[Event]:
    return list(datasets.Phishing())


def turned() -> list[Event]:
    """The same websites twice, the second time with the other label."""
    return phishing() + [(x, not y) for x, y in phishing()]


def run(model: Model, events: list[Event], size: int) -> list[Any]:
    scores: list[Any] = []
    for start in range(0, len(events), size):
        some = events[start : start + size]
        rows = Rows.from_dicts([x for x, _ in some])
        scores += model.run(rows, [y for _, y in some]).scores
    return scores


def inside(model: Model) -> Bagging:
    behind = getattr(model.estimator, "learner", model.estimator)
    assert isinstance(behind, Bagging)
    return behind


class Replayed:
    """Gives River the draws that ours made."""

    def __init__(self, draws: np.ndarray[Any, np.dtype[np.int64]]) -> None:
        self._left = iter(draws.T.ravel().tolist())

    def __call__(self, mean: float, rng: Any) -> int:
        return int(next(self._left))


@pytest.mark.parametrize("mean", [1.0, 6.0])
def test_with_equal_draws_the_members_are_rivers(
    monkeypatch: pytest.MonkeyPatch, mean: float
) -> None:
    events = phishing()[:400]
    draws = np.zeros((3, len(events)), np.int64)
    draw(np.zeros(len(events)), ONCE, mean, np.array([8.0]), draws)
    monkeypatch.setattr("river.utils.random.poisson", Replayed(draws))
    member = linear_model.LogisticRegression(optim.SGD(0.05), intercept_lr=0.05)
    made = ensemble.LeveragingBaggingClassifier(member, n_models=3, w=mean)
    theirs = preprocessing.StandardScaler() | made
    model = create("bagging", {"learner": SGD, "members": 3, "mean": mean, "seed": 7}, scale=True)
    expected = []
    for x, y in events:
        expected.append(theirs.predict_proba_one(x).get(True, 0.5))
        theirs.learn_one(x, y)
    assert run(model, events, 64) == pytest.approx(expected, abs=1e-9)
    names = inside(model).columns.names
    for ours, river in zip(inside(model).members, made, strict=True):
        assert dict(zip(names, ours.weights, strict=False)) == pytest.approx(river.weights)
        assert float(ours.intercept[0]) == pytest.approx(river.intercept)


@pytest.mark.parametrize("size", [1, 17, 5000])
def test_members_are_replaced_after_a_change_however_the_events_are_cut(size: int) -> None:
    params = {"learner": SGD, "members": 4, "mean": 6.0}
    whole, cut = create("bagging", params, scale=True), create("bagging", params, scale=True)
    assert run(whole, turned(), 1000) == run(cut, turned(), size)
    assert inside(whole).replaced > 0
    assert whole.fingerprint() == cut.fingerprint()


def test_a_snapshot_goes_on_with_draws_detectors_and_members() -> None:
    params = {"learner": SGD, "members": 4, "mean": 6.0}
    model = create("bagging", params, scale=True)
    run(model, turned()[:1500], 100)
    again, _ = snapshots.load(snapshots.dump(model, {}), create("bagging", params, scale=True))
    assert run(model, turned()[1500:], 100) == run(again, turned()[1500:], 100)
    assert model.fingerprint() == again.fingerprint()


def test_draws_have_the_distribution_of_poisson() -> None:
    out = np.zeros((10, 20_000), np.int64)
    draw(np.zeros(20_000), ONCE, 1.0, np.array([1.0]), out)
    counts = Counter(out.ravel().tolist())
    for k in range(5):
        share = math.exp(-1.0) / math.factorial(k)
        assert counts[k] / out.size == pytest.approx(share, abs=0.004)
    assert abs(float(np.corrcoef(out[0], out[1])[0, 1])) < 0.03


def test_rows_without_a_label_draw_nothing_and_weights_multiply() -> None:
    generator, out = np.array([5.0]), np.zeros((2, 3), np.int64)
    draw(np.array([math.nan, 0.0, 1.0]), np.array([1, 1, 3]), 6.0, generator, out)
    again, plain = np.array([5.0]), np.zeros((2, 2), np.int64)
    draw(np.array([0.0, 1.0]), ONCE, 6.0, again, plain)
    assert out[:, 0].tolist() == [0, 0]
    assert (out[:, 1:] == plain * [1, 3]).all()
    assert generator[0] == again[0]


@pytest.mark.parametrize("data", [datasets.Phishing, datasets.Bananas], ids=["phishing", "bananas"])
@pytest.mark.parametrize(("kind", "mean"), [("ADWINBagging", 1.0), ("LeveragingBagging", 6.0)])
def test_it_is_as_right_as_rivers(data: Any, kind: str, mean: float) -> None:
    events = list(islice(data(), 2500))
    member = linear_model.LogisticRegression(optim.SGD(0.05), intercept_lr=0.05)
    made = getattr(ensemble, f"{kind}Classifier")(member, n_models=5, seed=1)
    theirs = preprocessing.StandardScaler() | made
    right = 0
    for x, y in events:
        right += theirs.predict_one(x) == y
        theirs.learn_one(x, y)
    model = create("bagging", {"learner": SGD, "members": 5, "mean": mean}, scale=True)
    scores = run(model, events, 500)
    ours = sum((s > 0.5) == y for s, (_, y) in zip(scores, events, strict=True))
    assert ours / len(events) == pytest.approx(right / len(events), abs=0.02)


@pytest.mark.parametrize("type_", ["linear_regression", "passive_aggressive_regressor"])
def test_numbers_are_bagged_too(type_: str) -> None:
    model = create("bagging", {"learner": {"type": type_}}, scale=True)
    single = create(type_, {}, scale=True)
    events = list(datasets.TrumpApproval())
    rows, labels = Rows.from_dicts([x for x, _ in events]), [y for _, y in events]
    errors = [
        np.abs(np.array(m.run(rows, labels).scores, np.float64) - labels).mean()
        for m in (model, single)
    ]
    assert errors[0] < errors[1] * 1.1


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"learner": {"type": "k_means"}}, "one of our linear learners"),
        ({"learner": {"type": "bagging"}}, "one of our linear learners"),
        ({"learner": "arow"}, "one of our linear learners"),
        ({"learner": {"type": "arow", "x": 1}}, "no parameter 'x'"),
        ({"members": 0}, "members = 0: must be a whole number not below 1"),
        ({"mean": 0.0}, "mean = 0.0: must be a number above 0"),
        ({"delta": 1.0}, "delta = 1.0"),
        ({"seed": -1}, "seed = -1"),
    ],
)
def test_wrong_parameters_are_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        create("bagging", {"learner": SGD, **params})
