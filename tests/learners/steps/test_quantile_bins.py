"""Bins lie at the quantiles of what was learned, and are the same in every way of learning."""

import math
import random
from typing import Any

import numpy as np
import pytest

from learners.engine.rows import Rows
from learners.errors import ParameterError
from learners.saved.fingerprint import fingerprint
from learners.steps.base import Stage
from learners.steps.quantile_bins import BUCKETS, QuantileBins, bucket


def learned(values: list[float], **params: Any) -> QuantileBins:
    """A step that has learned these values of "x"."""
    step = QuantileBins(**params)
    stage = Stage.of(Rows(("x",), np.array(values)[:, None]))
    step.advance(stage, np.zeros(len(values)))
    return step


def bins(step: QuantileBins, value: float) -> list[float]:
    """The bins of a value of "x"."""
    return list(step.transform_one({"x": value}).values())[1:]


@pytest.mark.parametrize("seed", range(3))
def test_a_bin_is_1_for_the_share_of_values_above_its_quantile(seed: int) -> None:
    rng = random.Random(seed)
    values = [rng.lognormvariate(1, 2) * rng.choice((1, 1, -1)) for _ in range(5000)]
    step = learned(values, quantiles=[0.1, 0.5, 0.9, 0.99])
    shares = np.mean([bins(step, value) for value in values], axis=0)
    np.testing.assert_allclose(shares, [0.9, 0.5, 0.1, 0.01], atol=0.02)


def test_buckets_ascend_with_the_value() -> None:
    values = [-1e99, -5.0, -1.0, -0.01, -1e-9, 0.0, 1e-9, 0.01, 1.0, 5.0, 1e99]
    numbers = [bucket(value) for value in values]
    assert numbers == sorted(numbers)
    assert (numbers[0], numbers[5], numbers[-1]) == (-BUCKETS, 0, BUCKETS)
    assert bucket(1.0) < bucket(1.06) <= bucket(1.0) + 2


def test_quantiles_that_share_a_bucket_give_one_bin() -> None:
    step = learned([0.0] * 900 + [7.0] * 100, quantiles=[0.2, 0.5, 0.8, 0.95])
    assert bins(step, 7.0) == [1.0, 0.0, 0.0, 0.0]
    assert bins(step, 9.0) == [1.0, 0.0, 0.0, 1.0]
    assert bins(step, 0.0) == [0.0] * 4


def test_there_are_no_bins_before_there_are_edges() -> None:
    assert bins(learned([1.0] * 15), 99.0) == [0.0] * 11
    assert bins(learned([1.0] * 16), 99.0)[0] == 1.0


def test_one_row_after_another_gives_the_same_as_a_batch() -> None:
    rng = np.random.default_rng(1)
    matrix = rng.lognormal(0, 1, (1100, 2))
    matrix[rng.random(matrix.shape) < 0.1] = math.nan
    targets = np.where(rng.random(1100) < 0.2, math.nan, 0.0)
    one, many = QuantileBins(["b"]), QuantileBins(["b"])
    stage = many.advance(Stage.of(Rows(("a", "b"), matrix)), targets)
    for x, target, row in zip(
        Rows(("a", "b"), matrix).to_dicts(), targets, stage.predict_with, strict=True
    ):
        expected = {n: v for n, v in zip(stage.names, row.tolist(), strict=True) if v == v}
        assert {n: v for n, v in one.transform_one(x).items() if n in expected} in (expected, {})
        if target == target:
            one.learn_one(x)
    assert fingerprint(one.state()) == fingerprint(many.state())


def test_a_row_that_is_not_learned_changes_nothing() -> None:
    step = learned([1.0, 2.0] * 40)
    before = fingerprint(step.state())
    step.advance(Stage.of(Rows(("x",), np.array([[5.0]]))), np.array([math.nan]))
    assert fingerprint(step.state()) == before


def test_an_absent_feature_has_no_bins_and_is_not_counted() -> None:
    step = learned([1.0] * 20, quantiles=[0.5])
    stage = step.advance(Stage.of(Rows(("x",), np.array([[math.nan]]))), np.array([0.0]))
    assert np.isnan(stage.predict_with).all()
    assert step.totals.tolist() == [20.0]


def test_only_the_features_that_are_named_have_bins() -> None:
    step = QuantileBins(["b"], [0.5])
    step.learn_one({"a": 1.0, "b": 2.0})
    assert list(step.transform_one({"a": 1.0, "b": 2.0})) == ["a", "b", "b > q0.5"]


def test_a_step_goes_on_where_its_state_was_saved() -> None:
    values = np.random.default_rng(2).lognormal(0, 1, 2100).tolist()
    whole, first = learned(values), learned(values[:1050])
    resumed = QuantileBins()
    resumed.load(first.state())
    resumed.advance(Stage.of(Rows(("x",), np.array(values[1050:])[:, None])), np.zeros(1050))
    assert fingerprint(resumed.state()) == fingerprint(whole.state())


def test_the_state_does_not_grow_with_the_values() -> None:
    few, many = (learned(np.random.default_rng(3).lognormal(0, 9, n).tolist()) for n in (20, 9000))
    assert few.counts.shape == many.counts.shape == (1, 2 * BUCKETS + 1)


@pytest.mark.parametrize("quantiles", [[], [0.5, 0.5], [0.9, 0.1], [0.0], [1.0], "half", [None]])
def test_quantiles_that_are_none_are_refused(quantiles: Any) -> None:
    with pytest.raises(ParameterError, match="must be ascending numbers between 0 and 1"):
        QuantileBins(quantiles=quantiles)


def test_features_that_are_no_names_are_refused() -> None:
    with pytest.raises(ParameterError, match="features = 'amount': must be a list of names"):
        QuantileBins("amount")
