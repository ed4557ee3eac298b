"""The weights that people read are those that the learner judges by."""

import math
from typing import Any

import pytest
from river import datasets, linear_model

from learners import registry
from learners.model import Model
from learners.weights import Weights, weights

BINARY = [
    ("passive_aggressive", {}),
    ("logistic_regression", {}),
    ("svm", {"mode": "pegasos"}),
    ("arow", {}),
    ("river.linear_model.LogisticRegression", {}),
    ("river.linear_model.PAClassifier", {}),
]


def taught(name: str, params: dict[str, Any], scale: bool, data: Any, count: int = 300) -> Model:
    """A model after some events of a data set."""
    model = registry.create(name, params, scale)
    for x, y in data.take(count):
        model.learn_one(x, y)
    return model


def margin(told: Weights, x: dict[str, float]) -> float:
    """What the weights that are told say about an event."""
    total = told.intercept or 0.0
    for row in told.rows:
        value = x[row.feature]
        if row.mean is not None and row.std is not None:
            value = (value - row.mean) / row.std
        total += row.value * value
    return total


@pytest.mark.parametrize(("name", "params"), BINARY)
@pytest.mark.parametrize("scale", [False, True])
def test_a_prediction_by_hand_from_the_weights_is_the_models(
    name: str, params: dict[str, Any], scale: bool
) -> None:
    model = taught(name, params, scale, datasets.Phishing())
    (told,) = weights(model)
    assert len(told.rows) == 9
    assert [abs(w.value) for w in told.rows] == sorted(abs(w.value) for w in told.rows)[::-1]
    for x, _ in datasets.Phishing().take(50):
        by_hand = 1.0 / (1.0 + math.exp(-margin(told, x)))
        assert by_hand == pytest.approx(model.score(x), abs=1e-9)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("passive_aggressive_multiclass", {}),
        ("one_vs_rest", {"learner": {"type": "arow"}}),
        (
            "river.multiclass.OneVsRestClassifier",
            {"classifier": {"type": "river.linear_model.LogisticRegression"}},
        ),
    ],
)
def test_every_class_has_weights_and_the_largest_margin_wins(
    name: str, params: dict[str, Any]
) -> None:
    model = taught(name, params, True, datasets.ImageSegments())
    told = weights(model)
    for x, _ in datasets.ImageSegments().take(50):
        margins = {each.of: margin(_without_constants(each), x) for each in told}
        assert max(margins, key=lambda of: margins[of]) == f"class {model.predict_one(x)}"


def _without_constants(told: Weights) -> Weights:
    """A feature that never varied is scaled to 0: it adds nothing."""
    return Weights(told.of, [row for row in told.rows if row.std], told.intercept)


@pytest.mark.parametrize("name", ["k_means", "mini_batch_k_means"])
def test_the_nearest_centre_told_is_the_prediction(name: str) -> None:
    model = taught(name, {"n_clusters": 3}, False, datasets.Bananas())
    told = weights(model)
    assert [each.of for each in told] == ["centre 0", "centre 1", "centre 2"]
    assert sum(each.mass or 0.0 for each in told) == pytest.approx(300.0)
    for x, _ in datasets.Bananas().take(50):
        gaps = [sum((row.value - x[row.feature]) ** 2 for row in each.rows) for each in told]
        assert gaps.index(min(gaps)) == model.predict_one(x)


def test_rivers_centres_are_told() -> None:
    model = taught("river.cluster.KMeans", {"n_clusters": 3, "seed": 1}, True, datasets.Bananas())
    assert [each.of for each in weights(model)] == ["centre 0", "centre 1", "centre 2"]
    assert all(len(each.rows) == 2 and each.rows[0].std for each in weights(model))


def test_weights_of_almas_short_name_are_found() -> None:
    model = taught("river.linear_model.ALMAClassifier", {}, False, datasets.Bananas())
    (told,) = weights(model)
    river = linear_model.ALMAClassifier()
    for x, y in datasets.Bananas().take(300):
        river.learn_one(x, y)
    assert {row.feature: row.value for row in told.rows} == dict(river.w)


@pytest.mark.parametrize(
    "name", ["river.tree.HoeffdingTreeClassifier", "river.naive_bayes.GaussianNB", "k_means"]
)
def test_what_has_no_weights_yet_or_ever_tells_none(name: str) -> None:
    model = registry.create(name, {}, True)
    model.learn_one({"a": 1.0}, True)
    assert weights(model) == []


def test_a_watched_learner_tells_the_weights_of_the_one_that_predicts() -> None:
    plain = taught("passive_aggressive", {"C": 0.01}, True, datasets.Phishing())
    watched = registry.create("passive_aggressive", {"C": 0.01}, True, {"detector": "adwin"})
    for x, y in datasets.Phishing().take(300):
        watched.learn_one(x, y)
    assert weights(watched) == weights(plain) != []


def test_steps_before_a_learner_leave_it_its_names_and_the_scaler_its_figures() -> None:
    steps = [{"type": "select_by_weight", "k": 3}]
    model = registry.create("passive_aggressive", {"C": 0.01}, True, steps=steps)
    plain = taught("passive_aggressive", {"C": 0.01}, True, datasets.Phishing())
    for x, y in datasets.Phishing().take(300):
        model.learn_one(x, y)
    (told,) = weights(model)
    assert {row.feature for row in told.rows} == {row.feature for row in weights(plain)[0].rows}
    assert all(row.mean is not None and row.std for row in told.rows)
