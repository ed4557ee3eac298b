"""The contract of a learner, with every step before it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from learners.base import UNLABELLED
from learners.checks import contract as checks
from learners.checks import data as check_data
from learners.engine.kernels import Floats
from learners.registry import create
from learners.saved.fingerprint import fingerprint
from learners.steps import chain
from learners.steps.base import Stage
from learners.steps.registry import STEPS
from learners.steps.scale import Scale

Steps = list[dict[str, Any]]

CHAINS: list[Steps] = [
    [{"type": "scale"}],
    [{"type": "one_hot", "features": ["a", "late1"], "limit": 20}],
    [{"type": "feature_hashing", "n_features": 16}],
    [{"type": "words", "weighting": "tf_idf", "n_features": 64}],
    [{"type": "gaussian_projection", "n_components": 3}],
    [{"type": "sparse_projection", "n_components": 3, "density": 0.4}],
    [{"type": "incremental_pca", "n_components": 3}],
    [{"type": "quantile_bins", "quantiles": [0.3, 0.6]}],
    [{"type": "select_by_correlation", "k": 3}],
    [{"type": "select_by_information", "k": 3, "bins": 4}],
    [{"type": "select_by_weight", "k": 3}],
    [
        {"type": "one_hot", "features": ["b"], "limit": 3},
        {"type": "feature_hashing", "n_features": 64},
        {"type": "scale"},
        {"type": "select_by_information", "k": 6},
        {"type": "incremental_pca", "n_components": 4},
    ],
    [
        {"type": "scale"},
        {"type": "select_by_weight", "k": 4},
        {"type": "sparse_projection", "n_components": 3, "density": 0.5},
        {"type": "select_by_correlation", "k": 2},
    ],
]
UNSUPERVISED = [steps for steps in CHAINS if "select" not in str(steps)]
IN_PROCESS = [c for c in checks.ALL if c is not checks.same_under_any_hash_seed]
RIVERS: tuple[str, dict[str, Any]] = (
    "river.linear_model.LogisticRegression",
    {"optimizer": {"type": "river.optim.SGD"}},
)


def named(value: object) -> str | None:
    """The steps of a chain, for the name of a test."""
    return "+".join(step["type"] for step in value) if isinstance(value, list) else None


@pytest.mark.parametrize("steps", CHAINS, ids=named)
@pytest.mark.parametrize("check", IN_PROCESS)
def test_a_learner_behind_steps_keeps_the_contract(
    check: Callable[[checks.Make], None], steps: Steps
) -> None:
    check(lambda: create("passive_aggressive", {"C": 0.1}, True, None, steps))


@pytest.mark.parametrize("steps", UNSUPERVISED, ids=named)
@pytest.mark.parametrize("check", [checks.batch_equals_single, checks.snapshot_resumes_identically])
def test_clustering_behind_steps_keeps_it_too(
    check: Callable[[checks.Make], None], steps: Steps
) -> None:
    check(lambda: create("k_means", {"n_clusters": 3, "buffer": 20}, False, None, steps))


@pytest.mark.parametrize("steps", CHAINS, ids=named)
@pytest.mark.parametrize(
    "check",
    [
        checks.prediction_leaves_the_state_alone,
        checks.input_stays_untouched,
        checks.batch_equals_single,
        checks.snapshot_resumes_identically,
    ],
)
def test_rivers_estimators_behind_steps_keep_it(
    check: Callable[[checks.Make], None], steps: Steps
) -> None:
    check(lambda: create(*RIVERS, True, None, steps))


@pytest.mark.parametrize(
    "type",
    ["passive_aggressive_multiclass", "river.naive_bayes.GaussianNB", "linear_regression"],
)
def test_selection_by_information_takes_classes_and_numbers(type: str) -> None:
    steps: Steps = [{"type": "select_by_information", "k": 2}]
    for check in (checks.batch_equals_single, checks.snapshot_resumes_identically):
        check(lambda: create(type, {}, False, None, steps))


def test_a_watched_learner_behind_steps_keeps_it() -> None:
    steps: Steps = [{"type": "scale"}, {"type": "gaussian_projection", "n_components": 3}]
    drift = {"detector": "adwin", "reaction": "swap"}
    for check in (checks.batch_equals_single, checks.snapshot_resumes_identically):
        check(lambda: create("passive_aggressive", {}, False, drift, steps))


def test_all_are_the_same_under_any_hash_seed() -> None:
    makes = [functools.partial(create, "svm", {}, True, None, steps) for steps in CHAINS]
    makes += [functools.partial(create, *RIVERS, False, None, steps) for steps in CHAINS]
    checks.same_under_any_hash_seed(*makes)


def test_every_step_is_checked() -> None:
    assert {step["type"] for steps in CHAINS for step in steps} == set(STEPS)


def test_texts_in_batches_are_as_texts_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: Steps = [
        {"type": "one_hot", "features": ["land", "code"], "limit": 4},
        {"type": "feature_hashing", "n_features": 32, "features": ["shop"]},
    ]
    events = [
        ({**x, "land": f"l{i % 7}", "code": i % 3, "shop": f"s{i * i % 50}"}, y)
        for i, (x, y) in enumerate(check_data.coming_and_going("binary", 300))
    ]
    labels = [UNLABELLED if i % 5 == 0 else y for i, (_, y) in enumerate(events)]
    single = create("svm", {}, True, None, steps)
    expected = []
    for (x, _), y in zip(events, labels, strict=True):
        expected.append(single.score(x))
        if y is not UNLABELLED:
            single.learn_one(x, y)
    for cells in (1, 5000, chain.CELLS):
        monkeypatch.setattr(chain, "CELLS", cells)
        batched = create("svm", {}, True, None, steps)
        assert not batched.batched
        assert batched.run([x for x, _ in events], labels).scores == expected
        assert batched.fingerprint() == single.fingerprint()


def test_kernels_are_warmed_up_without_a_trace() -> None:
    for steps in CHAINS:
        model = create("svm", {}, True, None, steps)
        before = fingerprint(model.estimator.state())
        model.warm_up(6)
        assert fingerprint(model.estimator.state()) == before


class LeaksTheFuture(Scale):
    """Predicts with what was just learned."""

    def advance(self, stage: Stage, targets: Floats) -> Stage:
        out = super().advance(stage, targets)
        leaked = np.where(np.isnan(targets)[:, None], out.predict_with, out.learn_from)
        return Stage(out.names, leaked, out.learn_from)


def test_a_step_whose_batch_way_is_another_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, "scale", LeaksTheFuture)
    with pytest.raises(AssertionError, match="in batches of"):
        checks.batch_equals_single(lambda: create("svm", {}, False, None, [{"type": "scale"}]))


class Forgets(Scale):
    """Its snapshot leaves the means out."""

    def state(self) -> dict[str, Any]:
        state = super().state()
        return {**state, "means": np.zeros_like(state["means"])}


def test_a_step_that_restores_too_little_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, "scale", Forgets)
    with pytest.raises(AssertionError, match="predicts otherwise"):
        checks.snapshot_resumes_identically(
            lambda: create("svm", {}, False, None, [{"type": "scale"}])
        )
