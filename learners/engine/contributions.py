"""How the contributions of columns become those of features."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from learners.base import Contributions
from learners.engine.kernels import Floats

Named = Callable[[str], str]
"""From the name of a column to that of the feature that it was made of."""
WIDE = 256


def as_it_is(name: str) -> str:
    """The name of a column that is a feature itself."""
    return name


def contributions(columns: tuple[str, ...], matrix: Floats, named: Named) -> list[Contributions]:
    """Of each row; columns that were made of one feature are added up.

    Parameters
    ----------
    columns
        Their names.
    matrix
        Shape (rows, columns + 1): what each added, and last the intercept.
    named
        The name under which a column is shown.

    >>> bins = np.array([[0.5, 0.25, -1.0, 2.0]])
    >>> contributions(("a", "a > q0.5", "b"), bins, lambda name: name[0])
    [Contributions(names=('a', 'b'), values=array([ 0.75, -1.  ]), intercept=2.0)]
    """
    place: dict[str, int] = {}
    places = [place.setdefault(named(column), len(place)) for column in columns]
    names, values = tuple(place), matrix[:, :-1]
    if len(place) < len(columns):
        values = np.zeros((len(matrix), len(place)))
        for j, k in enumerate(places):
            values[:, k] += matrix[:, j]
    if len(place) > WIDE:
        return [_present(names, row, last) for row, last in _rows(values, matrix)]
    return [Contributions(names, row, last) for row, last in _rows(values, matrix)]


def _rows(values: Floats, matrix: Floats) -> zip[tuple[Floats, float]]:
    return zip(values, matrix[:, -1].tolist(), strict=True)


def _present(names: tuple[str, ...], row: Floats, intercept: float) -> Contributions:
    """Without what added nothing: with hashed texts that is nearly all."""
    at = np.flatnonzero(row)
    return Contributions(tuple(names[j] for j in at.tolist()), row[at], intercept)
