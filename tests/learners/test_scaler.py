from __future__ import annotations

import numpy as np
import pytest
from river import preprocessing

from learners.scaler import Scaler
from tests.learners.data import phishing


def test_it_scales_as_rivers_does() -> None:
    ours, theirs = Scaler(), preprocessing.StandardScaler()
    for x, _ in phishing():
        ours.learn_one(x)
        theirs.learn_one(x)
        assert ours.transform_one(x) == pytest.approx(theirs.transform_one(x), abs=1e-9)


def test_a_batch_gives_the_rows_by_the_statistics_before_and_after_each() -> None:
    scaler = Scaler()
    scaler.grow(1)
    matrix, columns = np.array([[1.0], [3.0], [5.0]]), np.array([0])
    before, after = scaler.both(matrix, matrix, columns, np.zeros(3))
    assert before[:, 0].tolist() == [0.0, 0.0, 3.0]
    assert after[:, 0].tolist() == pytest.approx([0.0, 1.0, (5 - 3) / (8 / 3) ** 0.5])


def test_a_row_without_a_label_changes_no_statistics() -> None:
    scaler = Scaler()
    scaler.grow(1)
    matrix = np.array([[1.0], [3.0]])
    scaler.both(matrix, matrix, np.array([0]), np.array([0.0, np.nan]))
    assert (scaler.counts[0], scaler.means[0]) == (1.0, 1.0)


def test_an_absent_feature_stays_absent() -> None:
    scaler = Scaler()
    scaler.grow(2)
    row = np.array([[np.nan, 2.0]])
    before, after = scaler.both(row, row, np.arange(2), np.zeros(1))
    assert np.isnan(before[0, 0])
    assert np.isnan(after[0, 0])
    assert scaler.counts.tolist() == [0.0, 1.0]
