from __future__ import annotations

from typing import Any

import pytest
from river import forest, preprocessing, tree

from learners.errors import ParameterError
from learners.model import Model
from learners.registry import create
from tests.learners.data import Event, approval, phishing, segments


def run(model: Model, events: list[Event]) -> Any:
    return model.run([x for x, _ in events], [model.check_label(y) for _, y in events])


@pytest.mark.parametrize(
    ("type", "task"),
    [
        ("river.linear_model.PAClassifier", "binary"),
        ("river.tree.HoeffdingTreeClassifier", "multiclass"),
        ("river.linear_model.LinearRegression", "regression"),
        ("river.cluster.KMeans", "clustering"),
        ("river.anomaly.HalfSpaceTrees", "anomaly"),
    ],
)
@pytest.mark.parametrize("scale", [False, True])
def test_the_task_is_read_off_the_estimator(type: str, task: str, scale: bool) -> None:
    model = create(type, {}, scale)
    assert (model.task, model.batched) == (task, False)


def test_it_predicts_and_learns_as_the_bare_estimator() -> None:
    model = create("river.forest.ARFClassifier", {"n_models": 3, "seed": 5}, scale=True)
    bare = preprocessing.StandardScaler() | forest.ARFClassifier(n_models=3, seed=5)
    events = segments()[:300]
    scored = run(model, events)
    for i, (x, y) in enumerate(events):
        assert scored.predictions[i] == bare.predict_one(x), i
        chances = bare.predict_proba_one(x)
        assert scored.scores[i] == chances.get(scored.predictions[i]), i
        bare.learn_one(x, y)


def test_two_classes_given_as_bools_are_ranked_by_the_chance_of_true() -> None:
    model, bare = create("river.tree.HoeffdingTreeClassifier"), tree.HoeffdingTreeClassifier()
    for x, y in phishing()[:200]:
        chances = bare.predict_proba_one(x)
        assert model.score(x) == (chances.get(True, 0.0) if chances else None)
        bare.learn_one(x, y)
        model.learn_one(x, y)


@pytest.mark.parametrize(
    ("type", "params"),
    [
        ("river.forest.ARFClassifier", {"n_models": 2}),
        ("river.forest.AMFClassifier", {"n_estimators": 2}),
        ("river.tree.HoeffdingAdaptiveTreeClassifier", {}),
        ("river.anomaly.HalfSpaceTrees", {"n_trees": 2}),
        ("river.ensemble.BaggingClassifier", {"model": {"type": "river.naive_bayes.GaussianNB"}}),
    ],
)
def test_whatever_draws_numbers_draws_the_same_in_every_run(
    type: str, params: dict[str, Any]
) -> None:
    one, other = create(type, params), create(type, params)
    assert run(one, phishing()[:300]) == run(other, phishing()[:300])
    assert one.fingerprint() == other.fingerprint()


def test_a_seed_of_ones_own_is_kept() -> None:
    one, other = (create("river.forest.ARFClassifier", {"n_models": 2, "seed": s}) for s in (1, 2))
    run(one, phishing()[:100])
    run(other, phishing()[:100])
    assert one.fingerprint() != other.fingerprint()


def test_nested_estimators_are_built_from_tables() -> None:
    classifier = {"type": "river.linear_model.LogisticRegression"}
    classifier |= {"optimizer": {"type": "river.optim.SGD", "lr": 0.5}}  # type: ignore[dict-item]
    model = create("river.multiclass.OneVsRestClassifier", {"classifier": classifier})
    assert model.estimator.state().classifier.optimizer.lr.learning_rate == 0.5
    scored = run(model, segments()[:200])
    assert scored.predictions[-1] in {y for _, y in segments()}


def test_a_list_of_estimators_is_built_too() -> None:
    models = [
        {"type": "river.linear_model.LinearRegression"},
        {"type": "river.linear_model.PARegressor"},
    ]
    model = create("river.ensemble.EWARegressor", {"models": models})
    assert len(run(model, approval()[:20]).predictions) == 20


def test_an_anomaly_is_predicted_by_its_score_and_a_filter_by_its_verdict() -> None:
    detector = create("river.anomaly.HalfSpaceTrees", {"n_trees": 2, "window_size": 50})
    run(detector, phishing()[:200])
    x = phishing()[0][0]
    assert detector.predict_one(x) == detector.score(x)
    wrapped = {"type": "river.anomaly.HalfSpaceTrees", "n_trees": 2, "window_size": 50}
    params = {"anomaly_detector": wrapped, "threshold": 0.0}
    filtered = create("river.anomaly.ThresholdFilter", params)
    run(filtered, phishing()[:200])
    assert filtered.predict_one(x) is True


def test_a_classifier_without_probabilities_has_no_score() -> None:
    model = create("river.linear_model.Perceptron")
    bare = create("tests.learners.river.test_river_estimator:Votes")
    assert model.score({"a": 1.0}) == 0.5
    assert (bare.predict_one({"a": 1.0}), bare.score({"a": 1.0})) == (True, None)


def test_the_score_of_a_cluster_is_the_distance_to_its_centre() -> None:
    model = create("river.cluster.KMeans", {"n_clusters": 2}, scale=False)
    run(model, phishing()[:50])
    x = phishing()[60][0]
    centre = model.estimator.state().centers[model.predict_one(x)]
    distance = sum((centre[name] - v) ** 2 for name, v in x.items()) ** 0.5
    assert model.score(x) == pytest.approx(distance)


class Votes:
    """A learner of a user's own, with no more than it needs."""

    task = "binary"

    def __init__(self) -> None:
        self.balance = 1

    def learn_one(self, x: dict[str, float], y: bool) -> None:
        self.balance += 1 if y else -1

    def predict_one(self, x: dict[str, float]) -> bool:
        return self.balance > 0


class Own:
    """A learner that is derived from nothing of River's."""

    task = "binary"

    def predict_one(self, x: Any) -> bool:
        return bool(x.get("a", 0.0) > 0)

    def learn_one(self, x: Any, y: Any) -> None: ...


def test_a_scaler_before_what_is_not_of_rivers_is_refused_with_the_way_out() -> None:
    name = "tests.learners.river.test_river_estimator:Own"
    with pytest.raises(ParameterError, match=r'type = "scale"'):
        create(name, {}, scale=True)
    model = create(name, {}, steps=[{"type": "scale"}])
    assert model.predict_one({"a": 1.0}) in (True, False)


@pytest.mark.parametrize("type", ["forest.ARFClassifier", "naive_bayes.GaussianNB"])
def test_labels_0_and_1_are_ranked_as_false_and_true(type: str) -> None:
    bools, numbers = create(f"river.{type}"), create(f"river.{type}")
    events = phishing()[:300]
    said = run(bools, events)
    same = run(numbers, [(x, int(y)) for x, y in events])
    assert same.scores == said.scores
    assert same.predictions == said.predictions


def test_keys_of_a_distribution_of_labels_become_labels() -> None:
    classifier = {"type": "river.linear_model.LogisticRegression"}
    for keys in (("true", "false"), ("1", "0")):
        dist = dict.fromkeys(keys, 0.5)
        params = {"classifier": classifier, "desired_dist": dist, "seed": 1}
        model = create("river.imblearn.RandomUnderSampler", params)
        scored = run(model, phishing()[:200])
        assert not scored.failures
        assert model.learned == 200
        assert model.estimator.state().classifier.weights


def test_parts_without_a_seed_get_one_too() -> None:
    params = {"max_micro_clusters": 10, "time_gap": 20}
    events = [(x, None) for x, _ in phishing()[:200]]
    for type, more in (
        ("cluster.CluStream", params),
        ("cluster.STREAMKMeans", {"chunk_size": 10}),
        ("neighbors.KNNClassifier", {}),
    ):
        one, other = (create(f"river.{type}", more) for _ in range(2))
        some = phishing()[:200] if one.task == "multiclass" else events
        assert run(one, some) == run(other, some)
        assert one.fingerprint() == other.fingerprint()


def test_without_centres_there_is_no_prediction_and_the_event_is_learned() -> None:
    model = create("river.cluster.STREAMKMeans", {"chunk_size": 10})
    scored = run(model, [(x, None) for x, _ in phishing()[:20]])
    assert scored.predictions[0] is None
    assert not scored.failures
    assert model.learned == 20
    assert None not in scored.predictions[1:]
