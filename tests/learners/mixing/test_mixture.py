"""Whole models taken apart, mixed, and put together again."""

from __future__ import annotations

import zlib
from typing import Any

import msgpack
import numpy as np
import pytest

from learners.engine.rows import Rows
from learners.mixing import coding
from learners.mixing.coding import NotMixed
from learners.mixing.mixture import Mixed, Mixture
from learners.model import UNLABELLED, Model
from learners.spec import LearnerSpec

NAMES = tuple("abcde")
FTRL = {"optimizer": "ftrl", "learning_rate": 0.1}
BINS = {"type": "quantile_bins", "features": ["a", "c"]}
SPECS = [
    LearnerSpec("logistic_regression", FTRL, True, None, [BINS]),
    LearnerSpec("logistic_regression", {**FTRL, "l1": 0.5, "l2": 0.01}, True),
    LearnerSpec("logistic_regression", {"optimizer": "adagrad"}, False, None, [{"type": "scale"}]),
    LearnerSpec("logistic_regression", {}, True),
    LearnerSpec("arow", {}, True),
    LearnerSpec("soft_confidence_weighted"),
    LearnerSpec("passive_aggressive", {"C": 0.01}, True),
    LearnerSpec("passive_aggressive_regressor"),
    LearnerSpec("linear_regression"),
    LearnerSpec("svm", {}, True, None, [BINS]),
]


def events(count: int, seed: int = 1) -> tuple[Any, list[bool]]:
    draw = np.random.default_rng(seed)
    matrix = np.abs(draw.normal(size=(count, len(NAMES)))) ** 3
    return matrix, (matrix[:, 0] > matrix[:, 1]).tolist()


def learn(model: Model, matrix: Any, labels: list[bool]) -> None:
    known = labels if model.task == "binary" else list(map(float, labels))
    model.run(Rows(NAMES, matrix), known)


def close(a: Mixed, b: Mixed) -> bool:
    assert a.count == b.count
    assert a.buckets == b.buckets
    assert a.numbers.others == pytest.approx(b.numbers.others, rel=1e-9)
    for key, values in a.numbers.columns.items():
        assert dict(values) == pytest.approx(dict(b.numbers.columns[key]), rel=1e-7, abs=1e-9)
    for mine, other in zip(a.moments, b.moments, strict=True):
        assert mine.keys() == other.keys()
        for name in mine:
            assert mine[name] == pytest.approx(other[name], rel=1e-9, abs=1e-9)
    return True


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.type)
def test_a_model_is_the_sum_of_a_base_and_what_it_has_learned_since(spec: LearnerSpec) -> None:
    mixture, (matrix, labels) = Mixture(spec), events(300)
    model, other = mixture.new_model(), mixture.new_model()
    learn(model, matrix[:200], labels[:200])
    base = mixture.of(model)
    mixture.put(other, base)
    assert close(mixture.of(other), base)
    learn(model, matrix[200:], labels[200:])
    now = mixture.of(model)
    change = mixture.change(base, now)
    assert change.count == 100
    assert close(mixture.plus(base, change), now)
    assert close(mixture.mixed(base, [change]), now)  # one partition alone is itself
    assert mixture.plus(base, None) is base


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.type)
def test_what_is_published_is_read_back_to_the_last_bit(spec: LearnerSpec) -> None:
    mixture, (matrix, labels) = Mixture(spec), events(100)
    model = mixture.new_model()
    base = mixture.of(model)
    assert coding.decode(coding.encode(base)) == base
    learn(model, matrix, labels)
    change = mixture.change(base, mixture.of(model))
    assert coding.decode(coding.encode(change)) == change


def test_what_stands_before_the_learner_is_mixed_exactly() -> None:
    """Partitions that see parts of the events have the scaler and the bins of one that sees all."""
    mixture, (matrix, labels) = Mixture(SPECS[0]), events(1_000)
    one, models = mixture.new_model(), [mixture.new_model() for _ in range(4)]
    mixed = mixture.of(one)
    learn(one, matrix, labels)
    for first in range(0, 1_000, 200):
        changes = []
        for k, model in enumerate(models):
            mixture.put(model, mixed)
            base, own = mixture.of(model), slice(first + k, first + 200, 4)
            learn(model, matrix[own], labels[own])
            changes.append(mixture.change(base, mixture.of(model)))
        mixed = mixture.mixed(mixed, changes)
    whole = mixture.of(one)
    assert mixed.count == 1_000
    assert mixed.buckets[0].keys() == whole.buckets[0].keys()
    assert mixed.buckets == whole.buckets
    mixture.put(models[0], mixed)
    bins = [model.estimator.state()["steps"][0]["edges"] for model in (models[0], one)]
    assert bins[0].tolist() == bins[1].tolist()
    for name in NAMES:
        assert mixed.moments[0][name] == pytest.approx(whole.moments[0][name], rel=1e-9)


def test_a_mixed_model_scores_as_one_that_learned_all_and_learns_on() -> None:
    mixture, (matrix, labels) = Mixture(SPECS[0]), events(600)
    models, one = [mixture.new_model() for _ in range(2)], mixture.new_model()
    learn(one, matrix[:400], labels[:400])
    start = mixture.of(models[0])
    for k, model in enumerate(models):
        learn(model, matrix[k:400:2], labels[k:400:2])
    mixed = mixture.mixed(start, [mixture.change(start, mixture.of(model)) for model in models])
    assert mixture.gain is not None
    assert 0.5 < mixture.gain <= 1.0
    mixture.put(models[0], mixed)
    rows = Rows(NAMES, matrix[400:])
    said = [model.run(rows, [UNLABELLED] * 200).predictions for model in (one, models[0])]
    right = [np.mean([a == b for a, b in zip(each, labels[400:], strict=True)]) for each in said]
    assert right[1] > right[0] - 0.05
    learn(models[0], matrix[400:], labels[400:])
    assert models[0].learned == 600


def test_a_feature_that_one_partition_has_not_seen_begins_as_a_new_one() -> None:
    mixture = Mixture(LearnerSpec("arow"))
    models = [mixture.new_model() for _ in range(2)]
    start = mixture.of(models[0])
    models[0].learn_one({"a": 1.0}, True)
    models[1].learn_one({"b": 2.0}, False)
    mixed = mixture.mixed(start, [mixture.change(start, mixture.of(model)) for model in models])
    assert mixed.numbers.names == ["a", "b"]
    for model, name in zip(models, "ab", strict=True):
        own = mixture.of(model).numbers.columns
        for key in ("weights", "precisions"):
            assert mixed.numbers.columns[key][name] == pytest.approx(own[key][name])


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"nothing",
        zlib.compress(b"\xc1"),
        zlib.compress(msgpack.packb([1])),
    ],
)
def test_what_is_no_model_is_refused(value: bytes) -> None:
    with pytest.raises(NotMixed, match="no model to mix"):
        coding.decode(value)


def test_a_number_that_is_not_finite_is_refused() -> None:
    mixture = Mixture(LearnerSpec("svm"))
    mixed = mixture.of(mixture.new_model())
    bad = Mixed(mixed.numbers.scaled(1.0), mixed.moments, mixed.buckets)
    bad.numbers.others["intercept"] = float("nan")  # type: ignore[index]
    with pytest.raises(NotMixed, match="not finite"):
        coding.decode(coding.encode(bad))
