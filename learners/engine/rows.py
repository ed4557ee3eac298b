"""A batch of events as a matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


class Rows:
    """Feature names and a float64 matrix of shape (events, names); NaN = absent in that event.

    Nothing is copied or checked: the matrix is only read.

    >>> rows = Rows.from_dicts([{"a": 1, "b": 2.5}, {"b": 3, "c": True}])
    >>> rows.names
    ('a', 'b', 'c')
    >>> rows.matrix
    array([[1. , 2.5, nan],
           [nan, 3. , 1. ]])
    >>> rows.to_dicts()
    [{'a': 1.0, 'b': 2.5}, {'b': 3.0, 'c': 1.0}]
    """

    __slots__ = ("matrix", "names")

    def __init__(self, names: tuple[str, ...], matrix: Matrix) -> None:
        self.names = names
        self.matrix = matrix

    @classmethod
    def from_dicts(cls, dicts: Sequence[Mapping[str, Any]]) -> Rows:
        """Columns in the order of first sight, row after row; a NaN value counts as absent.

        Raises ValueError or TypeError for a value that is no number.
        """
        if dicts and (names := dicts[0].keys()) and all(x.keys() == names for x in dicts):
            full = _of_equal_names(dicts, tuple(names))
            if not np.isnan(full).any():
                return cls(tuple(names), full)
        index: dict[str, int] = {}
        cells: list[dict[int, float]] = []
        for x in dicts:
            row: dict[int, float] = {}
            for name, value in x.items():
                number = float(value)
                if number == number:
                    row[index.setdefault(name, len(index))] = number
            cells.append(row)
        matrix = np.full((len(cells), len(index)), np.nan)
        for i, row in enumerate(cells):
            for j, number in row.items():
                matrix[i, j] = number
        return cls(tuple(index), matrix)

    def to_dicts(self) -> list[dict[str, float]]:
        """One dict an event, without the absent features."""
        return [
            {name: v for name, v in zip(self.names, row, strict=True) if v == v}
            for row in self.matrix.tolist()
        ]

    def with_more(self, others: Rows) -> Rows:
        """These rows, then the others; columns that only one of both has are NaN in the other."""
        if self.names == others.names:
            return Rows(self.names, np.concatenate([self.matrix, others.matrix]))
        names = tuple(dict.fromkeys(self.names + others.names))
        matrix = np.full((len(self) + len(others), len(names)), np.nan)
        matrix[: len(self), [names.index(name) for name in self.names]] = self.matrix
        matrix[len(self) :, [names.index(name) for name in others.names]] = others.matrix
        return Rows(names, matrix)

    def take(self, order: Sequence[int] | NDArray[np.int64]) -> Rows:
        """The rows at these places."""
        return Rows(self.names, self.matrix[order])

    def __len__(self) -> int:
        return len(self.matrix)


def _of_equal_names(dicts: Sequence[Mapping[str, Any]], names: tuple[str, ...]) -> Matrix:
    """Most batches: three times as fast as cell by cell."""
    shape = len(dicts), len(names)
    rows = map(itemgetter(*names), dicts)
    cells = rows if len(names) == 1 else chain.from_iterable(rows)
    return np.fromiter(cells, np.float64, shape[0] * shape[1]).reshape(shape)


RowsOrDicts = Rows | Sequence[Mapping[str, Any]]
"""What a learner takes: a matrix, or the features of each row."""
