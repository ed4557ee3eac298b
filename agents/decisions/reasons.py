"""The reasons of a prediction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from learners.base import Contributions
from learners.engine.kernels import Floats
from topics.records import Reason

FEW = 8
"""So many rows are sorted one by one."""


def top(of: Sequence[Contributions], k: int) -> list[tuple[Reason, ...]]:
    """The ``k`` features that moved each score most, the strongest first; equal ones by name.

    Those that added nothing are no reasons.

    >>> values = np.array([-0.5, 0.0, 2.0])
    >>> top([Contributions(("amount", "night", "risk"), values, 1.0)], 3)
    [(Reason(feature='risk', contribution=2.0), Reason(feature='amount', contribution=-0.5))]
    """
    found: list[tuple[Reason, ...]] = []
    first = 0
    while first < len(of):  # rows with the same names are sorted together
        names, last = of[first].names, first
        while last < len(of) and of[last].names is names:
            last += 1
        found += _top(names, np.array([one.values for one in of[first:last]]), k)
        first = last
    return found


def _top(names: Sequence[str], values: Floats, k: int) -> list[tuple[Reason, ...]]:
    if len(values) < FEW:
        return [_of_one(names, row, k) for row in values.tolist()]
    by_name = np.array(sorted(range(len(names)), key=names.__getitem__), np.int64)
    strongest = np.argsort(-np.abs(values[:, by_name]), axis=1, kind="stable")[:, :k]
    chosen = by_name[strongest]
    rows = zip(chosen.tolist(), np.take_along_axis(values, chosen, axis=1).tolist(), strict=True)
    return [
        tuple([Reason(names[j], value) for j, value in zip(features, moved, strict=True) if value])
        for features, moved in rows
    ]


def _of_one(names: Sequence[str], values: Sequence[float], k: int) -> tuple[Reason, ...]:
    moved = zip(names, values, strict=True)
    strongest = sorted([(-abs(value), name, value) for name, value in moved if value])[:k]
    return tuple([Reason(name, value) for _, name, value in strongest])
