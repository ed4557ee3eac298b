"""Loops over rows, compiled by Numba when it is there and plain Python when it is not.

A kernel is a function over float64 arrays that works row after row: predict, then learn.
Both ways give the same numbers: no fast-math, no reordered sums, no fused operations.

Inputs and weights are clipped to +-LIMIT, so that no product of two of them overflows and
no event, however extreme, turns a weight into NaN.

Numba's cache knows the file of a kernel, not the files of what it calls: after a change
here remove `learners/__pycache__`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

from numpy import float64, int64
from numpy.typing import NDArray

njit: Callable[..., Any] | None
try:
    from numba import njit
except ImportError:  # slower, otherwise the same
    njit = None

LIMIT = 1e60
TINY = 1e-120

Floats = NDArray[float64]
Ints = NDArray[int64]
F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile at the first call, cached on disk where the disk can be written."""
    if njit is None:
        return function
    try:
        compiled = njit(cache=True)(function)
    except RuntimeError:  # nowhere to write the cache
        compiled = njit(function)
    return cast(F, compiled)


@kernel
def clip(value: float) -> float:
    """`value` within +-LIMIT."""
    if value > LIMIT:
        return LIMIT
    if value < -LIMIT:
        return -LIMIT
    return value


@kernel
def dot(row: Floats, columns: Ints, weights: Floats) -> float:
    """The sum of weight x value over the features that are present."""
    total = 0.0
    for j in range(row.shape[0]):
        value = row[j]
        if value == value:
            total += weights[columns[j]] * clip(value)
    return total


@kernel
def squared_norm(row: Floats) -> float:
    """The squared length of a row, absent features left out."""
    total = 0.0
    for j in range(row.shape[0]):
        value = row[j]
        if value == value:
            value = clip(value)
            total += value * value
    return total


@kernel
def add_scaled(row: Floats, columns: Ints, step: float, weights: Floats) -> None:
    """weights += step x row, absent features left out."""
    for j in range(row.shape[0]):
        value = row[j]
        if value == value:
            weights[columns[j]] = clip(weights[columns[j]] + step * clip(value))


@kernel
def descend(
    row: Floats, columns: Ints, gradient: float, rate: float, l2: float, weights: Floats
) -> None:
    """One step down: weights -= rate x (gradient x row + l2 x weights), present features only."""
    for j in range(row.shape[0]):
        value = row[j]
        if value == value:
            c = columns[j]
            weights[c] = clip(weights[c] - rate * (gradient * clip(value) + l2 * weights[c]))


@kernel
def sigmoid(margin: float) -> float:
    """River's: exactly 0 and 1 beyond +-30."""
    if margin < -30.0:
        return 0.0
    if margin > 30.0:
        return 1.0
    return 1.0 / (1.0 + math.exp(-margin))
