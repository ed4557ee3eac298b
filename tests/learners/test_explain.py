"""Contributions: exact, as the model stood before a row was learned, whatever the batches."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from typing import Any

import numpy as np
import pytest

from learners.engine.rows import Rows
from learners.errors import CannotExplain
from learners.model import UNLABELLED, Model, Scored
from learners.registry import OURS, create
from tests.learners.data import approval, phishing

DRIFT = {"detector": "page_hinkley", "threshold": 1.0, "reaction": "reset"}
BINS = {"type": "quantile_bins", "quantiles": [0.25, 0.5, 0.9]}
LEARNERS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("logistic_regression", {}),
    "adagrad": ("logistic_regression", {"optimizer": "adagrad", "l2": 0.01}),
    "ftrl": ("logistic_regression", {"optimizer": "ftrl", "l1": 0.1}),
    "passive_aggressive": ("passive_aggressive", {"C": 0.1}),
    "svm": ("svm", {}),
    "pegasos": ("svm", {"mode": "pegasos"}),
    "arow": ("arow", {}),
    "soft_confidence_weighted": ("soft_confidence_weighted", {"C": 0.1}),
    "linear_regression": ("linear_regression", {}),
    "passive_aggressive_regressor": ("passive_aggressive_regressor", {"C": 0.1}),
}
BEFORE: dict[str, dict[str, Any]] = {
    "nothing": {},
    "scale": {"scale": True},
    "bins": {"scale": True, "steps": [BINS]},
    "selection": {"steps": [{"type": "scale"}, {"type": "select_by_correlation", "k": 4}]},
    "projection": {"steps": [{"type": "gaussian_projection", "n_components": 3}]},
    "hashing": {"steps": [{"type": "feature_hashing", "n_features": 1024}], "scale": True},
    "drift": {"scale": True, "drift": DRIFT},
}
ALL = [(learner, before) for learner in LEARNERS for before in BEFORE]


def made(learner: str, before: str) -> Model:
    type_, params = LEARNERS[learner]
    return create(type_, params, **BEFORE[before])


def stream(model: Model, n: int = 400) -> tuple[list[dict[str, float]], list[Any]]:
    """Features come and go, one is new in the middle, and every third label is not known."""
    events = (phishing() if model.task == "binary" else approval())[:n]
    xs: list[dict[str, float]] = []
    labels: list[Any] = []
    for i, (given, y) in enumerate(events):
        gone = list(given)[i % len(given)]
        x = {name: value for name, value in given.items() if i % 2 or name != gone}
        xs.append(x | ({"late": float(i % 7)} if i > n // 2 else {}))
        labels.append(UNLABELLED if i % 3 == 0 else y)
    return xs, labels


def in_batches(model: Model, xs: Sequence[Any], labels: Sequence[Any], size: int) -> Scored:
    whole = Scored([], [], contributions=[])
    for at in range(0, len(xs), size):
        some = xs[at : at + size]
        rows = Rows.from_dicts(some) if model.batched else some
        whole.extend(model.run(rows, labels[at : at + size], explain=True))
    return whole


def told(scored: Scored) -> list[tuple[dict[str, float], float]]:
    assert scored.contributions is not None
    return [
        ({name: v for name, v in zip(c.names, c.values.tolist(), strict=True) if v}, c.intercept)
        for c in scored.contributions
    ]


@pytest.mark.parametrize(("learner", "before"), ALL)
def test_contributions_and_intercept_add_up_to_the_score(learner: str, before: str) -> None:
    model = made(learner, before)
    xs, labels = stream(model)
    scored = in_batches(model, xs, labels, 64)
    moved = 0
    for (parts, intercept), score in zip(told(scored), scored.scores, strict=True):
        assert score is not None
        margin = sum(parts.values()) + intercept
        if model.task == "regression":
            assert margin == pytest.approx(score, rel=1e-9, abs=1e-9)
        else:
            assert (1 / (1 + exp(-margin)) if abs(margin) <= 30 else float(margin > 0)) == (
                pytest.approx(score, rel=1e-9, abs=1e-9)
            )
            if 0.001 < score < 0.999:
                assert margin == pytest.approx(log(score / (1 - score)), abs=1e-9)
        moved += len(parts) > 1
    assert moved > 250
    assert before != "drift" or (model.drifts or 0) > 1


@pytest.mark.parametrize(("learner", "before"), ALL)
def test_batches_give_the_contributions_of_single_events(learner: str, before: str) -> None:
    batched, single = made(learner, before), made(learner, before)
    xs, labels = stream(batched, 150)
    whole = in_batches(batched, xs, labels, 64)
    one_by_one = in_batches(single, xs, labels, 1)
    assert whole.scores == one_by_one.scores
    if before != "projection":  # its sums run over all features of a batch
        assert told(whole) == told(one_by_one)
    for (a, b), (c, d) in zip(told(whole), told(one_by_one), strict=True):
        assert b == d
        assert a == pytest.approx(c, abs=1e-12)


@pytest.mark.parametrize(("learner", "before"), ALL)
def test_explaining_changes_nothing(learner: str, before: str) -> None:
    asked, plain = made(learner, before), made(learner, before)
    xs, labels = stream(asked)
    rows = Rows.from_dicts(xs) if asked.batched else xs
    explained, scored = asked.run(rows, labels, explain=True), plain.run(rows, labels)
    assert scored.contributions is None
    assert explained.scores == scored.scores
    assert explained.predictions == scored.predictions
    assert asked.fingerprint() == plain.fingerprint()
    assert plain.run(rows, labels).contributions is None


def test_a_contribution_is_the_weight_before_the_row_times_its_value() -> None:
    model = create("passive_aggressive", {"C": 0.1})
    xs, labels = stream(model, 50)
    for x, y in zip(xs, labels, strict=True):
        state: Any = model.estimator.state()
        weights = dict(zip(state["features"], state["weights"].tolist(), strict=True))
        scored = model.run(Rows.from_dicts([x]), [y], explain=True)
        products = {name: weights.get(name, 0.0) * value for name, value in x.items()}
        assert told(scored)[0][0] == {name: v for name, v in products.items() if v}


def test_bins_are_told_as_the_feature_that_they_are_of() -> None:
    model = made("sgd", "bins")
    xs, labels = stream(model)
    scored = in_batches(model, xs, labels, 100)
    assert scored.contributions is not None
    assert set(scored.contributions[-1].names) == {name for x in xs for name in x}


def test_the_values_of_a_category_are_told_as_the_category() -> None:
    model = create("logistic_regression", steps=[{"type": "one_hot"}, BINS], scale=True)
    xs = [{"country": "de" if i % 2 else "fr", "amount": float(i)} for i in range(50)]
    scored = model.run(xs, [bool(i % 2) for i in range(50)], explain=True)
    parts, intercept = told(scored)[-1]
    assert set(parts) == {"country", "amount"}
    assert 1 / (1 + exp(-sum(parts.values()) - intercept)) == pytest.approx(scored.scores[-1])


def test_hashed_texts_leave_out_what_added_nothing() -> None:
    model = create("logistic_regression", steps=[{"type": "feature_hashing"}])
    xs = [{"text": f"word {i % 300}"} for i in range(900)]
    scored = model.run(xs, [i % 300 > 150 for i in range(900)], explain=True)
    assert scored.contributions is not None
    assert [len(c.names) for c in scored.contributions[600:]] == [1] * 300
    assert all(np.all(c.values) for c in scored.contributions)


@pytest.mark.parametrize(
    ("type_", "params"),
    [
        ("k_means", {}),
        ("one_vs_rest", {"learner": {"type": "svm"}}),
        ("passive_aggressive_multiclass", {}),
        ("half_space_trees", {}),
        ("river.tree.HoeffdingTreeClassifier", {}),
    ],
)
@pytest.mark.parametrize("steps", [[], [{"type": "scale"}]])
def test_what_cannot_explain_says_so(type_: str, params: Any, steps: Any) -> None:
    model = create(type_, params, scale=True, steps=steps)
    assert not model.explains
    with pytest.raises(CannotExplain, match="cannot say what moved its scores"):
        model.run(Rows.from_dicts([{"a": 1.0}]), [UNLABELLED], explain=True)


def test_all_linear_learners_are_tested() -> None:
    linear = {name for name, learner in OURS.items() if learner.explains}
    assert {type_ for type_, _ in LEARNERS.values()} == linear
