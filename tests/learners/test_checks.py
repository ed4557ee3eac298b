from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from learners.base import Scored
from learners.checks import contract as checks
from learners.engine.kernels import Floats, Ints
from learners.linear.passive_aggressive import PassiveAggressive
from learners.model import Model
from learners.registry import create
from learners.spec import LearnerSpec

Check = Callable[[checks.Make], None]

OURS: list[tuple[str, dict[str, Any]]] = [
    ("passive_aggressive", {"C": 0.01}),
    ("passive_aggressive", {"mode": 0}),
    ("passive_aggressive", {"mode": 2, "learn_intercept": False}),
    ("passive_aggressive_regressor", {}),
    ("svm", {"l2": 0.001}),
    ("svm", {"mode": "pegasos"}),
    ("logistic_regression", {"learning_rate": 0.1}),
    ("logistic_regression", {"optimizer": "adagrad"}),
    ("logistic_regression", {"optimizer": "ftrl", "l1": 0.1, "weight_false": 2.0}),
    ("half_space_trees", {"n_trees": 3, "window_size": 50}),
    ("one_class_svm", {}),
    ("mini_batch_k_means", {"n_clusters": 3, "batch_size": 16}),
    ("linear_regression", {}),
    ("linear_regression", {"loss": "huber", "l2": 0.01}),
    ("linear_regression", {"loss": "epsilon_insensitive"}),
    ("passive_aggressive_multiclass", {"C": 0.1}),
    ("passive_aggressive_multiclass", {"mode": 0}),
    ("passive_aggressive_multiclass", {"mode": 2, "learn_intercept": False}),
    ("one_vs_rest", {"learner": {"type": "logistic_regression", "optimizer": "adagrad"}}),
    ("one_vs_rest", {"learner": {"type": "arow"}}),
    ("bagging", {"learner": {"type": "arow"}, "members": 3, "mean": 6.0}),
    ("bagging", {"learner": {"type": "linear_regression"}, "members": 3}),
    ("arow", {"weight_true": 3.0}),
    ("soft_confidence_weighted", {}),
    ("soft_confidence_weighted", {"mode": 2, "learn_intercept": False}),
    ("k_means", {"n_clusters": 3, "half_life": 50.0, "buffer": 20}),
]
RIVERS: list[tuple[str, dict[str, Any]]] = [
    ("river.tree.HoeffdingTreeClassifier", {"grace_period": 50}),
    ("river.forest.ARFClassifier", {"n_models": 3}),
    ("river.linear_model.LogisticRegression", {"optimizer": {"type": "river.optim.SGD"}}),
    ("river.naive_bayes.GaussianNB", {}),
    ("river.linear_model.PARegressor", {}),
    ("river.anomaly.HalfSpaceTrees", {"n_trees": 3}),
]


IN_PROCESS = [c for c in checks.ALL if c is not checks.same_under_any_hash_seed]


def test_all_are_the_same_under_any_hash_seed() -> None:
    makes = [functools.partial(create, *entry, scale=True) for entry in OURS]
    makes += [functools.partial(create, *entry) for entry in RIVERS]
    checks.same_under_any_hash_seed(*makes)


@pytest.mark.parametrize("scale", [False, True], ids=["bare", "scaled"])
@pytest.mark.parametrize(("type", "params"), OURS, ids=lambda v: v if isinstance(v, str) else None)
@pytest.mark.parametrize("check", IN_PROCESS)
def test_our_learners_keep_the_contract(
    check: Check, type: str, params: dict[str, Any], scale: bool, request: pytest.FixtureRequest
) -> None:
    scaled_by_river = type == "half_space_trees" or (type == "one_class_svm" and scale)
    if check is checks.prediction_leaves_the_state_alone and scaled_by_river:
        reason = "River's scalers note every feature that they have transformed"
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    check(lambda: create(type, params, scale))


@pytest.mark.parametrize(
    ("type", "params"), RIVERS, ids=lambda v: v if isinstance(v, str) else None
)
@pytest.mark.parametrize(
    "check",
    [
        c
        for c in IN_PROCESS
        if c not in (checks.extreme_input_gives_no_nan, checks.memory_is_bounded)
    ],
)
def test_rivers_estimators_keep_what_river_promises(
    check: Check, type: str, params: dict[str, Any]
) -> None:
    check(lambda: create(type, params))


@pytest.mark.parametrize("check", checks.ALL)
def test_a_users_own_good_learner_passes(check: Check) -> None:
    check(lambda: create("tests.learners.broken:Good"))


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        (checks.predicts_before_learning, "CannotPredictAtFirst"),
        (checks.prediction_leaves_the_state_alone, "LearnsWhilePredicting"),
        (checks.input_stays_untouched, "AddsToTheInput"),
        (checks.snapshot_resumes_identically, "ForgetsInSnapshots"),
        (checks.same_under_any_hash_seed, "CountsByHash"),
        (checks.features_come_and_go, "NeedsEveryFeature"),
        (checks.extreme_input_gives_no_nan, "Overflows"),
        (checks.memory_is_bounded, "KeepsEverything"),
    ],
)
def test_each_check_finds_the_learner_that_breaks_it(check: Check, broken: str) -> None:
    with pytest.raises((AssertionError, RuntimeError, KeyError)):
        check(lambda: create(f"tests.learners.broken:{broken}"))


class DependsOnTheBatch(PassiveAggressive):
    """Its scores know how many rows came together."""

    def advance(
        self, predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, times: Ints
    ) -> Scored:
        scored = super().advance(predict_with, learn_from, columns, targets, times)
        scored.scores = [s * (1.0 + 1e-15 * len(targets)) for s in scored.scores if s is not None]
        return scored


class SharesNothing(PassiveAggressive):
    """Its snapshot leaves the intercept out."""

    def load(self, state: Mapping[str, Any]) -> None:
        super().load({**state, "intercept": np.zeros(1)})


def test_a_batch_that_differs_from_single_events_is_found() -> None:
    with pytest.raises(AssertionError, match="in batches of"):
        checks.batch_equals_single(lambda: Model(LearnerSpec("x"), DependsOnTheBatch()))


def test_a_compiled_learner_that_restores_too_little_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours: dict[str, Any] = {"passive_aggressive": SharesNothing}
    monkeypatch.setattr("learners.registry.OURS", ours)
    monkeypatch.setattr("learners.saved.snapshots.OURS", ours)
    with pytest.raises(AssertionError, match="another model"):
        checks.snapshot_resumes_identically(lambda: create("passive_aggressive"))


def test_every_one_of_our_learners_is_checked() -> None:
    from learners.registry import names

    assert {type for type, _ in OURS} == set(names())


def test_there_is_a_check_for_every_promise() -> None:
    names: Sequence[str] = [check.__name__ for check in checks.ALL]
    assert len(names) == len(set(names)) == 9
