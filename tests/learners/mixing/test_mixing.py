"""Partitions that learn apart, and the one model that is made of what each has learned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgpack
import numpy as np
import pytest
from river import datasets

from learners import create
from learners.checks import data
from learners.engine.rows import Rows
from learners.errors import LearnerError
from learners.mixing import exact, linear
from learners.mixing.exact import Centre, Moments
from learners.mixing.family import CannotMix, family
from learners.mixing.numbers import Numbers, added, of_state
from learners.model import Model
from learners.spec import LearnerSpec

FTRL: dict[str, Any] = {"optimizer": "ftrl", "learning_rate": 0.1}
Events = Sequence[tuple[dict[str, float], Any]]


def learn(model: Model, events: Events) -> list[Any]:
    rows = Rows.from_dicts([x for x, _ in events])
    return model.run(rows, [y for _, y in events]).scores


def numbers(model: Model) -> Numbers:
    return of_state(model.estimator.state(), model.learned, ["weights", "squares"], ["intercept"])


def put(model: Model, mixed: Numbers) -> None:
    """Take the mixed model in place of one's own."""
    names = list(mixed.columns["weights"])
    sums = linear.ftrl_sums(mixed, 0.1, 1.0, 0.0, 0.0)
    state = {
        "features": names,
        "weights": [mixed.columns["weights"][n] for n in names],
        "squares": [mixed.columns["squares"][n] for n in names],
        "sums": [sums[n] for n in names],
        "intercept": [mixed.others["intercept"]],
    }
    estimator: Any = model.estimator
    estimator.load(state)


def zero() -> Numbers:
    return Numbers(0, {"weights": {}, "squares": {}}, {"intercept": 0.0})


def close(a: Numbers, b: Numbers) -> bool:
    same = all(a.columns[k] == pytest.approx(b.columns[k], abs=1e-12) for k in a.columns)
    return same and a.others == pytest.approx(b.others, abs=1e-12) and a.count == b.count


def test_of_one_partition_comes_the_learner_itself() -> None:
    model = create("logistic_regression", FTRL)
    events = data.steady("binary", 300)
    learn(model, events[:100])
    start = numbers(model)
    learn(model, events[100:])
    now = numbers(model)
    mixed, gain = linear.trace_gain(start, [now - start], 0.1, 1.0)
    assert gain == 1.0
    assert close(mixed, now)
    assert close(linear.steady(start, [now - start]), now)
    sums = linear.ftrl_sums(now, 0.1, 1.0, 0.0, 0.0)
    own: Any = model.estimator
    assert sums == pytest.approx(dict(zip(own.columns.names, own.sums, strict=False)), abs=1e-9)


@pytest.mark.parametrize("name", ["arow", "soft_confidence_weighted"])
@pytest.mark.parametrize("few", [1, 1000])
def test_precisions_of_one_partition_are_its_own(name: str, few: int) -> None:
    model = create(name)
    learn(model, data.steady("binary", 200))
    own = _confident(model)
    nothing = Numbers(
        0, {"weights": {}, "precisions": {}, "pulls": {}}, dict.fromkeys(own.others, 0.0)
    )
    mixed = linear.precisions(nothing, [own], few)
    assert close(mixed, own)


def _confident(model: Model) -> Numbers:
    state = model.estimator.state()
    plain = of_state(
        state, model.learned, ["weights", "variances"], ["intercept", "intercept_variance"]
    )
    weights, variances = plain.columns["weights"], plain.columns["variances"]
    precision = 1.0 / plain.others["intercept_variance"]
    return Numbers(
        plain.count,
        {
            "weights": weights,
            "precisions": {n: 1.0 / v for n, v in variances.items()},
            "pulls": {n: weights[n] / v for n, v in variances.items()},
        },
        {
            "intercept": plain.others["intercept"],
            "intercept_precision": precision,
            "intercept_pull": plain.others["intercept"] * precision,
        },
    )


@pytest.mark.parametrize("partitions", [2, 4, 16])
def test_the_gain_is_a_sum_of_small_moves_and_a_mean_of_large_ones(partitions: int) -> None:
    def moved(by: float) -> float:
        change = Numbers(1, {"weights": {"a": 1.0}, "squares": {"a": by}}, {"intercept": 0.0})
        return linear.trace_gain(zero(), [change] * partitions, 0.1, 1.0)[1]

    assert moved(1e-9) == pytest.approx(1.0, abs=1e-6)
    assert moved(1e9) == pytest.approx(1.0 / partitions, rel=1e-2)
    gains = [moved(10.0**e) for e in range(-6, 8)]
    assert gains == sorted(gains, reverse=True)


def test_counts_add_up_and_a_feature_of_one_partition_is_in_the_sum() -> None:
    a = Numbers(3, {"weights": {"a": 1.0}, "squares": {"a": 1.0}}, {"intercept": 1.0})
    b = Numbers(4, {"weights": {"b": 2.0}, "squares": {"b": 1.0}}, {"intercept": 1.0})
    mixed, _ = linear.trace_gain(zero(), [a, b], 0.1, 1.0)
    assert (mixed.count, list(mixed.columns["weights"])) == (7, ["a", "b"])
    assert added([a, b]) - b == Numbers(
        3, {"weights": {"a": 1.0, "b": 0.0}, "squares": {"a": 1.0, "b": 0.0}}, {"intercept": 1.0}
    )


def test_what_is_published_is_small() -> None:
    values = {f"amount_to_card_mean_{i}d": 0.1 * i for i in range(95)}
    change = Numbers(120, {"weights": values, "squares": values}, {"intercept": 0.0})
    assert len(msgpack.packb(change.as_data())) < 6 * 1024


@pytest.mark.parametrize("partitions", [4, 16])
def test_four_and_sixteen_partitions_rank_as_one_does(partitions: int) -> None:
    events = [(x, bool(y)) for x, y in datasets.Phishing()]
    one = create("logistic_regression", FTRL)
    alone = _right(learn(one, events), events)
    apart = _partitions(events, partitions, mark=None)
    mixed = _partitions(events, partitions, mark=16)
    assert mixed > apart
    assert mixed == pytest.approx(alone, abs=0.03)


def _partitions(events: Events, n: int, mark: int | None) -> float:
    """Accuracy of partitions that learn in turns, and take the mixed model at each mark."""
    models = [create("logistic_regression", FTRL) for _ in range(n)]
    mixed, scores = zero(), [0.0] * len(events)
    step = mark or len(events)
    for at in range(0, len(events), step):
        for k, model in enumerate(models):
            own = range(at + (k - at) % n, min(at + step, len(events)), n)
            for i, score in zip(own, learn(model, [events[i] for i in own]), strict=True):
                scores[i] = score
        if mark:
            before = sum(model.learned for model in models)
            mixed, _ = linear.trace_gain(mixed, [numbers(m) - mixed for m in models], 0.1, 1.0)
            for model in models:
                put(model, mixed)
            assert before == min(at + step, len(events))
    return _right(scores, events)


def _right(scores: Sequence[float], events: Events) -> float:
    right = sum(bool((s > 0.5) == y) for s, (_, y) in zip(scores, events, strict=True))
    return right / len(events)


def test_moments_of_parts_are_those_of_the_whole() -> None:
    values = np.random.default_rng(1).normal(5.0, 2.0, 300)
    parts = [{"a": _moments(part)} for part in np.array_split(values, 7)]
    mixed = exact.moments({"a": parts[0]["a"]}, parts[1:])["a"]
    assert mixed == pytest.approx(_moments(values))
    assert exact.moments({}, parts[:1]) == parts[0]


def _moments(values: Any) -> Moments:
    return Moments(
        float(len(values)), float(values.mean()), float(((values - values.mean()) ** 2).sum())
    )


def test_buckets_add_up() -> None:
    assert exact.buckets({"a": {1: 2}}, [{"a": {1: 1, -3: 1}}, {"b": {0: 5}}]) == {
        "a": {1: 3, -3: 1},
        "b": {0: 5},
    }


def test_centres_are_matched_by_the_nearest_pairs_and_then_added() -> None:
    first = [Centre(2.0, (0.0, 0.0)), Centre(1.0, (10.0, 10.0))]
    other = [Centre(4.0, (44.0, 40.0)), Centre(6.0, (6.0, 0.0))]
    assert exact.matched(first, other) == [other[1], other[0]]
    mixed = exact.centres(first, [exact.matched(first, other)])
    assert mixed == [Centre(8.0, (6.0, 0.0)), Centre(5.0, (54.0, 50.0))]
    assert mixed[1].place() == (10.8, 10.0)
    assert all(math.isnan(value) for value in Centre(0.0, (0.0,)).place())
    with pytest.raises(LearnerError, match="1 centres cannot be mixed with 2"):
        exact.centres(first, [other[:1]])


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        (LearnerSpec("river.forest.ARFClassifier"), "ARFClassifier"),
        (LearnerSpec("svm", {"mode": "pegasos"}), "pegasos"),
        (LearnerSpec("k_means", {"half_life": 9.0}), "k_means"),
        (LearnerSpec("bagging", {"learner": {"type": "arow"}}), "bagging"),
        (LearnerSpec("arow", drift={"detector": "adwin"}), "learner.drift"),
        (LearnerSpec("arow", steps=[{"type": "incremental_pca"}]), r"steps\[0\].type"),
    ],
)
def test_what_cannot_be_mixed_is_refused_by_name(spec: LearnerSpec, named: str) -> None:
    with pytest.raises(CannotMix, match=named) as raised:
        family(spec)
    assert str(raised.value).startswith("learner." + ".".join(raised.value.key))


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            LearnerSpec("logistic_regression", FTRL, True, None, [{"type": "quantile_bins"}]),
            "trace_gain",
        ),
        (LearnerSpec("logistic_regression"), "steady"),
        (LearnerSpec("soft_confidence_weighted"), "precisions"),
        (LearnerSpec("passive_aggressive"), "steady"),
        (LearnerSpec("mini_batch_k_means"), "centres"),
    ],
)
def test_each_family_has_its_formula(spec: LearnerSpec, expected: str) -> None:
    assert family(spec) == expected
