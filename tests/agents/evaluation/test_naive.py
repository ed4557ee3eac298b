"""The yardsticks of a window are those of no model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agents.evaluation.figures import Known
from agents.evaluation.naive import evaluate_naive
from learners import metrics


def known(labels: Any) -> Known:
    none = np.arange(len(labels))
    return Known(labels, {}, none, None, {}, None, np.zeros(len(labels), np.bool_))


def test_numbers_are_compared_with_the_last_one_and_with_their_mean() -> None:
    found = evaluate_naive("regression", known(np.array([1.0, 3.0, 5.0])))
    last, so_far = found["last_label"], found["so_far"]
    assert last is not None
    assert so_far is not None
    assert (last.scored, last.mae) == (2, 2.0)
    assert so_far.mae == pytest.approx(2.5)


def test_the_share_of_positives_so_far_is_a_probability() -> None:
    labels = np.array([1.0, 0.0, 0.0, 1.0, 0.0])
    found = evaluate_naive("binary", known(labels))["so_far"]
    assert found is not None
    assert found.log_loss == pytest.approx(
        metrics.log_loss([False, False, True, False], [1.0, 0.5, 1 / 3, 0.5])
    )
    assert (found.precision_at_k, found.roc_auc, found.lost) == (None, None, None)


def test_classes_are_compared_with_the_last_and_the_most_frequent_one() -> None:
    found = evaluate_naive("multiclass", known(["a", "b", "b", "a"]))
    assert [one and one.accuracy for one in found.values()] == [
        pytest.approx(1 / 3),
        pytest.approx(0.0),
    ]


def test_nothing_is_said_without_labels() -> None:
    assert evaluate_naive("clustering", known(np.array([1.0]))) == {}
    assert evaluate_naive("multiclass", known([])) == {}
