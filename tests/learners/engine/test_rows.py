from __future__ import annotations

import numpy as np
import pytest

from learners.engine.rows import Rows


def test_columns_come_in_the_order_of_first_sight() -> None:
    rows = Rows.from_dicts([{"b": 1}, {"c": 2, "b": 3}, {"a": 4}])
    assert rows.names == ("b", "c", "a")


def test_an_absent_feature_is_nan_and_is_left_out_of_the_dict() -> None:
    dicts = [{"a": 1.0}, {"b": 2.0}, {}]
    rows = Rows.from_dicts(dicts)
    assert np.isnan(rows.matrix[0, 1])
    assert rows.to_dicts() == dicts


def test_a_nan_value_counts_as_absent() -> None:
    assert Rows.from_dicts([{"a": float("nan"), "b": 1.0}]).names == ("b",)


def test_no_events_are_no_rows() -> None:
    rows = Rows.from_dicts([])
    assert (len(rows), rows.names, rows.to_dicts()) == (0, (), [])


def test_a_value_that_is_no_number_raises() -> None:
    with pytest.raises(ValueError, match="could not convert"):
        Rows.from_dicts([{"a": "red"}])


def test_events_with_the_same_names_become_the_same_matrix_in_any_order() -> None:
    rows = Rows.from_dicts([{"a": 1, "b": 2.5}, {"b": True, "a": -3}])
    assert rows.names == ("a", "b")
    assert rows.matrix.tolist() == [[1.0, 2.5], [-3.0, 1.0]]
    assert Rows.from_dicts([{"a": 3}, {"a": 4}]).matrix.tolist() == [[3.0], [4.0]]


@pytest.mark.parametrize("value", ["x", None, []])
@pytest.mark.parametrize("other", [{"a": 1.0}, {"b": 1.0}])
def test_what_is_no_number_is_refused(value: object, other: dict[str, float]) -> None:
    with pytest.raises((TypeError, ValueError)):
        Rows.from_dicts([other, {"a": value}])
