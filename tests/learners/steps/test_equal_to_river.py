"""Our steps against River's transformers, event by event, on real data."""

from __future__ import annotations

from typing import Any

import pytest
from river import datasets, feature_selection, linear_model, preprocessing, stats

from learners.checks import data as check_data
from learners.registry import create
from learners.steps.base import MatrixStep
from learners.steps.feature_hashing import FeatureHashing
from learners.steps.gaussian_projection import GaussianProjection
from learners.steps.one_hot import OneHot
from learners.steps.projection import Projection
from learners.steps.scale import Scale
from learners.steps.select_by_correlation import SelectByCorrelation
from learners.steps.sparse_projection import SparseProjection
from tests.learners.data import Event, approval, phishing


def chicks() -> list[dict[str, Any]]:
    """578 events with two categories: the chick and its diet."""
    return [dict(x) for x, _ in datasets.ChickWeights()]


def test_scaling_is_rivers() -> None:
    theirs, ours = preprocessing.StandardScaler(), Scale()
    for x, _ in phishing():
        scaled = theirs.transform_one(x)
        got = ours.transform_one(x)
        assert {name: got.get(name, 0.0) for name in x} == pytest.approx(scaled, abs=1e-9)
        theirs.learn_one(x)
        ours.learn_one(x)


@pytest.mark.parametrize("signed", [True, False])
def test_hashing_is_rivers_with_the_seed_that_it_draws(signed: bool) -> None:
    theirs = preprocessing.FeatureHasher(n_features=97, seed=4, alternate_sign=signed)
    ours = FeatureHashing(n_features=97, seed=theirs._seed, alternate_sign=signed)
    for x in chicks():
        event = {**x, "shop": f"größe {x['chick']}", "ration": 0.5 * x["time"]}
        expected = {f"hash_{place}": value for place, value in theirs.transform_one(event).items()}
        assert ours.transform_one(event) == expected


def test_one_hot_is_rivers_as_long_as_the_bound_is_not_reached() -> None:
    theirs, ours = preprocessing.OneHotEncoder(), OneHot(features=["chick", "diet"])
    for x in chicks():
        event = {"chick": x["chick"], "diet": x["diet"]}
        theirs.learn_one(event)
        ours.learn_one(event)
        expected = theirs.transform_one(event)
        got = ours.transform_one(event)
        assert {name.replace("=", "_"): value for name, value in got.items()} == expected


@pytest.mark.parametrize("events", [phishing(), approval()], ids=["classes", "numbers"])
@pytest.mark.parametrize("k", [2, 4, 20])
def test_selection_by_correlation_is_rivers(events: list[Event], k: int) -> None:
    theirs = feature_selection.SelectKBest(stats.PearsonCorr(), k=k, use_abs=True)
    ours = SelectByCorrelation(k=k)
    for i, (x, y) in enumerate(events):
        theirs.learn_one(x, y)
        ours.learn_one(x, y)
        if i > 5:  # among the first events many correlations are 1, but for rounding
            assert ours.transform_one(x) == theirs.transform_one(x), i


@pytest.mark.parametrize(
    "step",
    [GaussianProjection(3, seed=2), SparseProjection(3, 0.5, seed=2)],
    ids=["full", "sparse"],
)
def test_a_projection_is_rivers_over_the_same_vectors(step: Projection) -> None:
    theirs: Any
    names = list(approval()[0][0])
    vectors = {name: step._vector(name).tolist() for name in names}
    if isinstance(step, GaussianProjection):
        theirs = preprocessing.GaussianRandomProjector(3)
        for name in names:
            for i in range(3):
                theirs._projection_matrix[(i, name)] = vectors[name][i]
    else:
        theirs = preprocessing.SparseRandomProjector(3)
        for name in names:
            theirs._projection_matrix[name] = dict(enumerate(vectors[name]))
    for x, _ in approval():
        expected = {f"component_{i}": value for i, value in theirs.transform_one(x).items()}
        assert step.transform_one(x) == pytest.approx(expected, rel=1e-9)


def test_a_whole_chain_scores_as_rivers_estimators_in_a_row() -> None:
    # By hand: a Pipeline of River 0.26.1 learns from all features, not from the selected ones.
    scaler, learner = preprocessing.StandardScaler(), linear_model.PAClassifier(C=0.01)
    selector = feature_selection.SelectKBest(stats.PearsonCorr(), k=3, use_abs=True)
    steps: list[dict[str, Any]] = [{"type": "scale"}, {"type": "select_by_correlation", "k": 3}]
    model = create("passive_aggressive", {"C": 0.01}, False, None, steps)
    stepped: Any = model.estimator
    events = check_data.steady("binary", 800)
    for x, y in events[:10]:  # among the first, many correlations are 1, but for rounding
        for step in (scaler, selector, *stepped.chain.matrices):
            step.learn_one(x) if step is scaler else step.learn_one(x, y)
    scored = model.run([x for x, _ in events], [y for _, y in events])
    for i, (x, y) in enumerate(events):
        chosen = selector.transform_one(scaler.transform_one(x))
        assert scored.scores[i] == pytest.approx(learner.predict_proba_one(chosen)[True], abs=1e-9)
        scaler.learn_one(x)
        scaled = scaler.transform_one(x)
        chosen = selector.transform_one(scaled)
        selector.learn_one(scaled, y)
        learner.learn_one(chosen, y)


def test_rivers_learner_behind_our_steps_is_rivers_behind_its_own() -> None:
    theirs = preprocessing.StandardScaler() | linear_model.LogisticRegression()
    model = create("river.linear_model.LogisticRegression", {}, True, None, [{"type": "scale"}])
    twice = create("river.linear_model.LogisticRegression", {}, False, None, [{"type": "scale"}])
    differ = 0
    for x, y in phishing():
        expected = theirs.predict_proba_one(x)[True]
        assert twice.score(x) == pytest.approx(expected, abs=1e-9)
        differ += model.score(x) != pytest.approx(expected, abs=1e-9)
        for each in (theirs, model, twice):
            each.learn_one(x, y)
    assert differ > 1000  # scaled a second time: scale = true is one more step


def test_a_step_that_is_no_matrix_step_takes_texts() -> None:
    assert not issubclass(OneHot, MatrixStep)
    assert OneHot.takes_texts
    assert FeatureHashing.takes_texts
