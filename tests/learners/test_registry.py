from __future__ import annotations

from typing import Any

import pytest

from learners import registry
from learners.errors import LearnerError, ParameterError, UnknownLearner
from learners.registry import create, names
from learners.spec import LearnerSpec


def test_every_name_makes_a_model_that_knows_how_it_was_made() -> None:
    for name in names():
        params = {"learner": {"type": "svm"}} if name in ("bagging", "one_vs_rest") else {}
        model = create(name, params, scale=True)
        assert (model.spec, model.learned) == (LearnerSpec(name, params, True), 0)
        assert model.batched == (name not in registry.WRAPPED)


@pytest.mark.parametrize(
    ("type", "message"),
    [
        ("pasive_aggressive", "did you mean 'passive_aggressive'"),
        ("nothing", "known are arow, bagging, half_space_trees, k_means"),
        ("river.forest.Nothing", "Nothing"),
        ("river.nothing.Forest", "nothing"),
        ("sklearn.svm.SVC", "module:name"),
        ("no_such_module:Thing", "no_such_module"),
        ("math:pi", "neither a class nor a function"),
        ("river.tree.HoeffdingTreRegressor", r"did you mean 'HoeffdingTreeRegressor'\?"),
    ],
)
def test_an_unknown_type_is_refused_with_what_is_known(type: str, message: str) -> None:
    with pytest.raises(UnknownLearner, match=message):
        create(type)


@pytest.mark.parametrize(
    ("type", "params", "message"),
    [
        ("passive_aggressive", {"c": 1.0}, "no parameter 'c'; it takes C, mode, learn_intercept"),
        ("passive_aggressive", {"C": 0.0}, "C = 0.0: must be a number above 0"),
        ("passive_aggressive", {"C": "1"}, "C = '1'"),
        ("passive_aggressive", {"C": True}, "C = True"),
        ("passive_aggressive", {"C": float("nan")}, "C = nan"),
        ("passive_aggressive", {"mode": 3}, "mode = 3: must be one of 0, 1, 2"),
        ("passive_aggressive", {"mode": True}, "mode = True"),
        ("passive_aggressive", {"learn_intercept": 1}, "must be true or false"),
        ("passive_aggressive_regressor", {"eps": -0.1}, "eps = -0.1: must be a number not below 0"),
        ("passive_aggressive", {"mode": 0, "weight_true": 2.0}, "takes no weight_true"),
        ("logistic_regression", {"l1": 0.1}, "l1 = 0.1: must be a number not below 0 not above 0"),
        ("svm", {"mode": "smo"}, "mode = 'smo': must be one of 'sgd', 'pegasos'"),
        ("one_vs_rest", {}, "needs the parameter 'learner', such as { type = "),
        ("one_vs_rest", {"learner": "svm"}, "must be a table"),
        ("one_vs_rest", {"learner": {"type": "os:system"}}, "must be a table"),
        ("one_vs_rest", {"learner": {"type": "k_means"}}, "is no learner of two classes"),
        ("one_vs_rest", {"learner": {"type": "svm", "c": 1.0}}, "'svm' has no parameter 'c'"),
        ("half_space_trees", {"trees": 3}, "'half_space_trees' has no parameter 'trees'"),
        ("one_class_svm", {"nu": 1.5}, "'one_class_svm': nu = 1.5: must be a number above 0 not"),
        ("k_means", {"n_clusters": 0}, "n_clusters = 0: must be a whole number not below 1"),
        ("river.linear_model.PAClassifier", {"c": 1}, "no parameter 'c'; it takes C, mode"),
        ("river.linear_model.PAClassifier", {"mode": 7}, "KeyError: 7"),
        ("river.multiclass.OneVsRestClassifier", {}, "classifier"),
        ("river.preprocessing.StandardScaler", {}, "no classifier, regressor"),
        ("river.anomaly.GaussianScorer", {}, "needs the label before it can score"),
    ],
)
def test_a_wrong_parameter_is_refused_by_its_name(
    type: str, params: dict[str, Any], message: str
) -> None:
    with pytest.raises(ParameterError, match=message):
        create(type, params)


def test_every_error_is_a_value_error() -> None:
    assert issubclass(LearnerError, ValueError)
    assert issubclass(ParameterError, LearnerError)


@pytest.mark.parametrize("package", ["learners", "app", "agents", "topics"])
def test_a_package_of_the_users_with_a_name_of_riverruns_own_is_told(package: str) -> None:
    with pytest.raises(UnknownLearner, match=f'"{package}" is riverrun\'s own package: give yours'):
        create(f"{package}.mine:Model", {})
