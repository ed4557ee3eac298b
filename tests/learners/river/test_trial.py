from __future__ import annotations

from typing import Any

import pytest
from river import feature_extraction, naive_bayes

from learners.errors import ParameterError
from learners.registry import create
from learners.river.trial import require_no_texts, try_out
from tests.learners.river_estimators import BAYES, PARAMS, REFUSED, TREES

LINEAR = "river.linear_model.LogisticRegression"


@pytest.mark.parametrize("name", PARAMS)
def test_what_works_passes(name: str) -> None:
    try_out(f"river.{name}", PARAMS[name])


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_pipeline_can_run_is_refused(name: str) -> None:
    with pytest.raises(ParameterError, match=r"^learner 'river\..*': .*cannot (predict|learn)"):
        try_out(f"river.{name}", REFUSED[name])


@pytest.mark.parametrize(
    ("type", "params", "named"),
    [
        (LINEAR, {"l2": 0.1, "optimizer": "sgd"}, "optimizer = 'sgd': "),
        (LINEAR, {"intercept_lr": "0.1"}, "intercept_lr = '0.1': "),
        ("river.forest.ARFClassifier", {"max_features": "all"}, "max_features = 'all': "),
        ("river.neighbors.KNNClassifier", {"n_neighbors": "3"}, "n_neighbors = '3': "),
        ("river.anomaly.HalfSpaceTrees", {**TREES, "height": -1}, "height = -1: "),
        (
            "river.tree.HoeffdingTreeClassifier",
            {"split_criterion": "ginni"},
            "split_criterion = 'ginni': Invalid split_criterion option",
        ),
        (
            "river.forest.ARFClassifier",
            {"n_models": 2, "leaf_prediction": "nbb"},
            "leaf_prediction = 'nbb': Invalid leaf_prediction option",
        ),
    ],
)
def test_a_wrong_parameter_is_named(type: str, params: dict[str, Any], named: str) -> None:
    params = {key: value for key, value in params.items() if key != "type"}
    with pytest.raises(ParameterError, match=named):
        try_out(type, params)


def test_labels_are_those_that_the_learner_was_told() -> None:
    dist = {"desired_dist": {"spam": 0.5, "ham": 0.5}}
    try_out("river.imblearn.RandomUnderSampler", {"classifier": BAYES, **dist})


def spam() -> Any:
    return feature_extraction.BagOfWords(on="body") | naive_bayes.MultinomialNB()


def test_a_learner_over_texts_is_refused_with_the_way_out() -> None:
    with pytest.raises(ParameterError, match=r"BagOfWords.*\[\[learner.steps\]\]"):
        require_no_texts(create("tests.learners.river.test_trial:spam"))
