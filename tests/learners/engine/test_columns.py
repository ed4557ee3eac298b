from __future__ import annotations

import numpy as np

from learners.engine.columns import Columns
from learners.engine.rows import Rows

NAN = float("nan")
LEARNED, UNLEARNED = np.zeros(1), np.full(1, NAN)


def aligned(
    columns: Columns, x: dict[str, float], targets: object
) -> tuple[list[float], list[int]]:
    rows = Rows.from_dicts([x])
    matrix, index = columns.align(rows.names, rows.matrix, np.asarray(targets))
    return matrix[0].tolist(), index.tolist()


def test_a_row_is_turned_into_the_order_of_the_columns() -> None:
    columns = Columns()
    assert aligned(columns, {"a": 1.0, "b": 2.0}, LEARNED) == ([1.0, 2.0], [0, 1])
    assert aligned(columns, {"b": 3.0, "a": 4.0}, LEARNED) == ([4.0, 3.0], [0, 1])


def test_a_row_that_is_not_learned_brings_no_columns() -> None:
    columns = Columns()
    assert aligned(columns, {"a": 1.0}, UNLEARNED) == ([], [])
    aligned(columns, {"b": 1.0}, LEARNED)
    assert aligned(columns, {"a": 1.0, "b": 2.0}, UNLEARNED) == ([2.0], [0])
    assert columns.names == ["b"]


def test_a_feature_absent_in_every_learned_row_gets_no_column() -> None:
    columns = Columns()
    matrix = np.array([[1.0, NAN, 2.0], [1.0, 5.0, NAN]])
    columns.align(("a", "b", "c"), matrix, np.array([0.0, NAN]))
    assert columns.names == ["a", "c"]


def test_a_batch_brings_columns_in_the_order_in_which_its_rows_would() -> None:
    columns = Columns()
    matrix = np.array([[1.0, NAN, 2.0], [1.0, 5.0, NAN]])
    columns.align(("a", "b", "c"), matrix, np.zeros(2))
    assert columns.names == ["a", "c", "b"]
