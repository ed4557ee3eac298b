"""A learner that is watched: when it drifts, and what follows."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from learners.drift.watched import Watched
from learners.errors import DriftError, LearnFailed, SnapshotMismatch
from learners.model import UNLABELLED, Model
from learners.registry import create
from learners.saved import snapshots
from tests.learners.drift.streams import CHANGE, Event, turning

DETECTORS: dict[str, dict[str, Any]] = {
    "adwin": {"detector": "adwin"},
    "page_hinkley": {"detector": "page_hinkley", "threshold": 20.0},
    "kswin": {"detector": "kswin", "alpha": 1e-4, "window_size": 200, "stat_size": 60},
}
PA = ("passive_aggressive", {"C": 0.01}, True)


def learn(model: Model, events: Sequence[Event]) -> list[int]:
    """Learn one by one; gives the events after which there was one drift more."""
    rows = []
    for i, (x, y) in enumerate(events):
        before = model.drifts
        model.learn_one(x, y)
        if model.drifts != before:
            rows.append(i + 1)
    return rows


def accuracy(model: Model, events: Sequence[Event], start: int, end: int) -> float:
    """Of the predictions before learning, within [start, end)."""
    right = 0
    for i, (x, y) in enumerate(events):
        right += start <= i < end and model.predict_one(x) == y
        model.learn_one(x, y)
    return right / (end - start)


@pytest.mark.parametrize("task", ["binary", "regression", "multiclass"])
@pytest.mark.parametrize("detector", DETECTORS)
def test_a_drift_is_told_soon_after_the_change_and_not_before(detector: str, task: str) -> None:
    type = {"regression": "_regressor", "multiclass": "_multiclass"}.get(task, "")
    params = {"C": 0.01}
    model = create(f"passive_aggressive{type}", params, True, DETECTORS[detector])
    drifts = learn(model, turning(task))
    assert CHANGE < drifts[0] <= CHANGE + 100
    assert model.last_drift == drifts[-1]


@pytest.mark.parametrize("loss", ["squared", "absolute"])
def test_a_river_regressor_is_watched_too(loss: str) -> None:
    drift = {**DETECTORS["page_hinkley"], "loss": loss}
    model = create("river.linear_model.LinearRegression", {}, False, drift)
    drifts = learn(model, turning("regression"))
    assert CHANGE < drifts[0] <= CHANGE + 100


def test_nothing_is_told_without_a_change() -> None:
    for drift in DETECTORS.values():
        assert learn(create(*PA, drift), turning()[:CHANGE]) == []


def test_an_improvement_is_no_drift() -> None:
    events = [(x, y) for x, y in turning(n=3000)]
    noise = np.random.default_rng(1).random(1000) < 0.5
    events[:1000] = [(x, bool(n)) for (x, _), n in zip(events, noise, strict=False)]
    model = create(*PA, {"detector": "adwin"})
    assert learn(model, events[:CHANGE]) == []


def test_an_alarm_leaves_the_learner_alone() -> None:
    watched, alone = create(*PA, DETECTORS["adwin"]), create(*PA)
    assert learn(watched, turning())
    learn(alone, turning())
    assert isinstance(watched.estimator, Watched)
    assert watched.estimator.learner.state()["learner"]["weights"].tolist() == (
        alone.estimator.state()["learner"]["weights"].tolist()
    )
    assert (watched.learned, watched.drifts) == (4000, 1)


def test_a_reset_starts_with_a_new_learner() -> None:
    events = turning()
    watched = create(*PA, {**DETECTORS["adwin"], "reaction": "reset"})
    (at,) = learn(watched, events)
    fresh = create(*PA)
    learn(fresh, events[at:])
    assert isinstance(watched.estimator, Watched)
    left, right = watched.estimator.learner.state(), fresh.estimator.state()
    assert left["learner"]["weights"].tolist() == right["learner"]["weights"].tolist()
    assert left["scaler"]["counts"].tolist() == [4000.0 - at] * 3


def test_a_raised_rate_comes_back_after_its_events() -> None:
    events = turning()
    drift = {**DETECTORS["adwin"], "reaction": "raise", "factor": 5.0, "events": 40}
    model = create("logistic_regression", {"learning_rate": 0.02}, True, drift)
    rates = []
    for x, y in events:
        model.learn_one(x, y)
        rates.append(model.estimator.learner.learner.learning_rate)  # type: ignore[attr-defined]
    assert model.drifts == 1
    assert model.last_drift is not None
    raised = slice(model.last_drift - 1, model.last_drift + 39)
    assert rates[raised] == [0.1] * 40
    assert rates[: raised.start] + rates[raised.stop :] == [0.02] * 3960


@pytest.mark.parametrize(
    ("learner", "params", "drift", "least"),
    [
        ("passive_aggressive", {"C": 0.001}, {"reaction": "swap"}, 0.05),
        ("passive_aggressive", {"C": 0.001}, {"reaction": "reset"}, 0.05),
        ("logistic_regression", {}, {"reaction": "raise"}, 0.05),
        ("river.naive_bayes.GaussianNB", {}, {"reaction": "swap"}, 0.3),
    ],
)
def test_a_reaction_recovers_faster_than_doing_nothing(
    learner: str, params: dict[str, Any], drift: dict[str, Any], least: float
) -> None:
    events = turning()
    span = (CHANGE, CHANGE + 1000)
    idle = accuracy(create(learner, params, True), events, *span)
    reacting = accuracy(
        create(learner, params, True, {"detector": "adwin", **drift}), events, *span
    )
    print(f"{learner} {drift['reaction']}: {reacting:.3f} instead of {idle:.3f}")
    assert reacting > idle + least


def test_a_background_learner_that_is_better_takes_over_without_an_alarm() -> None:
    alarm = {"detector": "adwin", "delta": 1e-200}
    swap = {**alarm, "reaction": "swap", "warning": 0.01, "window": 100}
    drifts = learn(create("river.naive_bayes.GaussianNB", {}, False, swap), turning(n=2300))
    assert drifts
    assert learn(create("river.naive_bayes.GaussianNB", {}, False, alarm), turning(n=2300)) == []


def batches(model: Model, events: Sequence[Event], size: int) -> list[Any]:
    """Predictions and scores in batches."""
    said: list[Any] = []
    for start in range(0, len(events), size):
        part = events[start : start + size]
        scored = model.run([x for x, _ in part], [y for _, y in part])
        said += zip(scored.predictions, scored.scores, strict=True)
    return said


@pytest.mark.parametrize("reaction", ["alarm", "reset", "raise", "swap"])
@pytest.mark.parametrize("detector", DETECTORS)
def test_a_batch_is_cut_where_something_happens(detector: str, reaction: str) -> None:
    drift = {**DETECTORS[detector], "reaction": reaction}
    if reaction == "swap":
        drift["window"] = 50
    events = [(x, UNLABELLED if i % 5 == 2 else y) for i, (x, y) in enumerate(turning())]
    one, said = create("logistic_regression", {}, True, drift), []
    for x, y in events:
        said.append((one.predict_one(x), one.score(x)))
        if y is not UNLABELLED:
            one.learn_one(x, y)
    assert one.drifts
    for size in (1, 333, 4000):
        model = create("logistic_regression", {}, True, drift)
        assert batches(model, events, size) == said
        assert model.fingerprint() == one.fingerprint()
        assert model.last_drift == one.last_drift


@pytest.mark.parametrize(
    ("learner", "reaction"),
    [
        ("logistic_regression", "raise"),
        ("logistic_regression", "swap"),
        ("river.naive_bayes.GaussianNB", "swap"),
    ],
)
def test_a_snapshot_in_the_middle_of_a_reaction_resumes(learner: str, reaction: str) -> None:
    events = turning()
    drift = {"detector": "adwin", "reaction": reaction, "delta": 1e-6, "window": 200}
    drift |= {"warning": 0.3} if reaction == "swap" else {}
    if reaction == "raise":
        del drift["window"]
    model = create(learner, {}, True, drift)
    seen = 0
    for i, (x, y) in enumerate(events):
        model.learn_one(x, y)
        state = model.estimator.state()
        if i % 3 == 0 and (state["rival"] is not None or state["counts"][3]):
            seen += 1
            before = model.fingerprint()
            new = create(learner, {}, True, drift)
            model, _ = snapshots.load(snapshots.dump(model, {}), new)
            assert model.fingerprint() == before
    whole = create(learner, {}, True, drift)
    learn(whole, events)
    assert seen > 5
    assert model.fingerprint() == whole.fingerprint()


def test_the_fingerprint_and_the_snapshot_know_how_it_is_watched() -> None:
    models = [
        create(*PA),
        create(*PA, {"detector": "adwin"}),
        create(*PA, {"detector": "adwin", "delta": 0.01}),
    ]
    assert len({model.fingerprint() for model in models}) == 3
    header = snapshots.read_header(snapshots.dump(models[1], {}))
    with pytest.raises(SnapshotMismatch, match="drift"):
        snapshots.require_same(header, models[2])


def test_a_learner_that_fails_says_at_which_event_of_the_batch() -> None:
    class Failing:
        task = "binary"

        def predict_one(self, x: dict[str, float]) -> bool:
            if x["a"] == 3.0:
                raise RuntimeError("no prediction")
            return True

        def learn_one(self, x: dict[str, float], y: bool) -> None:
            if x["a"] == 7.0:
                raise RuntimeError("no learning")

    from learners.drift.settings import read
    from learners.drift.watched import LearnerFactory
    from learners.river.estimator import RiverEstimator

    def make() -> RiverEstimator:
        return RiverEstimator(Failing())

    settings = read({"detector": "adwin", "reaction": "swap"}, "binary")
    watched = Watched(make(), LearnerFactory(make, copy.copy), settings)
    rows = [{"a": float(i)} for i in range(10)]
    scored = watched.run(rows[:7], [True] * 7)
    assert list(scored.failures) == [3]
    assert (scored.predictions[3], watched.learned) == (None, 6)
    with pytest.raises(LearnFailed) as failed:
        watched.run(rows, [True] * 10)
    assert failed.value.index == 7
    with pytest.raises(RuntimeError, match="no prediction"):
        watched.learn_one({"a": 3.0}, True)


@pytest.mark.parametrize(
    ("learner", "params", "drift", "key", "what"),
    [
        ("k_means", {}, {"detector": "adwin"}, "detector", "needs labels"),
        ("arow", {}, {}, "detector", "is missing"),
        ("arow", {}, {"detector": "ddm"}, "detector", "one of 'adwin'"),
        ("arow", {}, {"detector": "adwin", "on": "x"}, "on", "one of 'loss'"),
        ("arow", {}, {"detector": "adwin", "threshold": 1.0}, "threshold", "adwin with reaction"),
        ("arow", {}, {"detector": "adwin", "window": 5}, "window", "unknown key"),
        ("arow", {}, {"detector": "adwin", "delta": 2}, "delta", "not above 0.999"),
        ("arow", {}, {"detector": "kswin", "stat_size": 60}, "stat_size", "half of window_size"),
        ("arow", {}, {"detector": "kswin", "alpha": 1e-30}, "alpha", "too small for stat_size"),
        ("arow", {}, {"detector": "adwin", "loss": "squared"}, "loss", "'zero_one', 'log'"),
        ("arow", {}, {"detector": "adwin", "reaction": "raise"}, "reaction", "no learning rate"),
        (
            "svm",
            {"mode": "pegasos"},
            {"detector": "adwin", "reaction": "raise"},
            "reaction",
            "rate",
        ),
        (
            *("arow", {}, {"detector": "adwin", "reaction": "swap", "warning": 0.001}),
            *("warning", "must be above delta, 0.002"),
        ),
        (
            *("arow", {}, {"detector": "page_hinkley", "reaction": "swap", "warning": 50.0}),
            *("warning", "must be below threshold, 50"),
        ),
        (
            *("river.linear_model.Perceptron", {}, {"detector": "adwin", "reaction": "raise"}),
            *("reaction", "no learning rate"),
        ),
        (
            *("tests.learners.drift.streams:Verdicts", {}, {"detector": "adwin", "loss": "log"}),
            *("loss", "no probabilities"),
        ),
    ],
)
def test_what_cannot_be_is_refused_by_its_key(
    learner: str, params: dict[str, Any], drift: dict[str, Any], key: str, what: str
) -> None:
    with pytest.raises(DriftError, match=what) as refused:
        create(learner, params, False, drift)
    assert refused.value.key == key
