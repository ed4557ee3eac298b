"""Classes as numbers."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from math import nan
from typing import Any

import numpy as np

from learners.engine.kernels import Floats


class Classes:
    """A number for each class that was met, whatever its type: 1 and True are two classes.

    >>> classes = Classes()
    >>> classes.numbers(["a", None, "b", "a"])
    array([ 0., nan,  1.,  0.])
    >>> classes.names(classes.numbers([True, 1]))
    [True, 1]
    """

    def __init__(self) -> None:
        self._index: dict[tuple[type, Hashable], int] = {}
        self._names: list[Any] = []

    def numbers(self, classes: Iterable[Any]) -> Floats:
        """Of each class; NaN for None."""
        numbers = [nan if one is None else self._number(one) for one in classes]
        return np.array(numbers, np.float64)

    def names(self, numbers: Iterable[float]) -> list[Any]:
        """The class of each number; None for NaN."""
        return [self._names[int(x)] if x == x else None for x in numbers]

    def _number(self, one: Any) -> int:
        number = self._index.setdefault((type(one), one), len(self._names))
        if number == len(self._names):
            self._names.append(one)
        return number
