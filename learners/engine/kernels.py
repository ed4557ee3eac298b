"""Loops over rows, compiled by Numba when it is there and plain Python when it is not.

A kernel is a function over float64 arrays that works row after row: predict, then learn as
`often` as it is to.
A `row` has the shape (features,), NaN where a feature is absent, and so have `columns`: the
places of its features in arrays over columns, such as `weights`.
Both ways give the same numbers: no fast-math, no reordered sums, no fused operations.

Inputs and weights are clipped to +-LIMIT, so that no product of two of them overflows and
no event, however extreme, turns a weight into NaN.

Compiled code is kept on disk under a digest of all of `learners` and of the package of the
kernel: Numba itself looks only at the file of a kernel, and would go on using an old helper
from another file.
"""

from __future__ import annotations

import functools
import hashlib
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from numpy import bool_, float64, int64
from numpy.typing import NDArray

config: Any
njit: Any
try:
    from numba import config, njit
    from numba.extending import register_jitable

    if config.DISABLE_JIT:
        njit = None
except ImportError:  # slower, otherwise the same
    njit = None

_LEARNERS = Path(__file__).parents[1]
_CACHE = os.path.join(_LEARNERS, "__pycache__")
LIMIT = 1e60
TINY = 1e-120

Floats = NDArray[float64]
Ints = NDArray[int64]
Bools = NDArray[bool_]
F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile at the first call, cached on disk where the disk can be written."""
    if njit is None:
        return function
    given = config.CACHE_DIR
    config.CACHE_DIR = os.path.join(given or _CACHE, _digest(_package(function.__module__)))
    try:
        compiled = njit(cache=True)(function)
    except RuntimeError:  # nowhere to write the cache
        compiled = njit(function)
    finally:
        config.CACHE_DIR = given
    return cast(F, compiled)


def helper(function: F) -> F:
    """Compile as a part of the kernels that call it; called from Python it stays Python.

    It needs no way from Python into it: to compile that takes a fifth of the time of a kernel.
    """
    return function if njit is None else register_jitable(forceinline=True)(function)


def inlined(function: F) -> F:
    """Compile into each kernel that calls it.

    For the small helpers of a loop over bytes: Numba hands over an array as seven arguments,
    which costs such a helper more than its work.
    """
    return function if njit is None else cast(F, njit(inline="always")(function))


def _package(module: str) -> Path:
    """The folder of the top-level package of a module."""
    path = getattr(sys.modules[module.partition(".")[0]], "__file__", None)
    return Path(path).parent if path else _LEARNERS


@functools.cache
def _digest(package: Path) -> str:
    digest = hashlib.sha256()
    for folder in sorted({_LEARNERS, package}):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.read_bytes())
    return f"{package.name}-{digest.hexdigest()[:16]}"


@inlined
def often(target: float, times: Ints, i: int) -> int:
    """How often row `i` is learned: never where its target is NaN, once where `times` is ONCE."""
    if target != target:
        return 0
    return times[i] if times.shape[0] > 0 else 1


@helper
def clip(value: float) -> float:
    """`value` within +-LIMIT."""
    if value > LIMIT:
        return LIMIT
    if value < -LIMIT:
        return -LIMIT
    return value


@helper
def dot(row: Floats, columns: Ints, weights: Floats) -> float:
    """The sum of weight x value over the features that are present."""
    total = 0.0
    for j in range(row.shape[0]):
        value = row[j]
        if value == value:
            total += weights[columns[j]] * clip(value)
    return total


@helper
def explain(
    row: Floats,
    columns: Ints,
    weights: Floats,
    factor: float,
    intercept: float,
    contributions: Floats,
) -> None:
    """What each feature adds to a margin, 0 where it is absent, and last the intercept."""
    for j in range(row.shape[0]):
        value = row[j]
        contributions[j] = factor * (weights[columns[j]] * clip(value)) if value == value else 0.0
    contributions[row.shape[0]] = intercept


@inlined
def predict(
    row: Floats, columns: Ints, weights: Floats, factor: float, intercept: float,
    contributions: Floats, i: int,
) -> float:  # fmt: skip
    """The margin of a row before it is learned: how each kernel of a linear learner begins.

    The weights proper are factor x weights. What made the margin goes into row `i` of
    `contributions`, unless that is UNEXPLAINED.
    """
    margin = factor * dot(row, columns, weights) + intercept
    if contributions.shape[0] > 0:
        explain(row, columns, weights, factor, intercept, contributions[i])
    return margin


@helper
def squared_norm(row: Floats) -> float:
    """The squared length of a row, absent features left out."""
    total = 0.0
    for j in range(row.shape[0]):
        value = row[j]
        if value == value:
            value = clip(value)
            total += value * value
    return total


@helper
def add_scaled(row: Floats, columns: Ints, step: float, weights: Floats) -> None:
    """weights += step x row, absent features left out."""
    for j in range(row.shape[0]):
        value = row[j]
        if value == value:
            weights[columns[j]] = clip(weights[columns[j]] + step * clip(value))


@helper
def descend(
    row: Floats, columns: Ints, gradient: float, rate: float, l2: float, weights: Floats
) -> None:
    """One step down: weights -= rate x (gradient x row + l2 x weights), present features only."""
    for j in range(row.shape[0]):
        value = row[j]
        if value == value:
            c = columns[j]
            weights[c] = clip(weights[c] - rate * (gradient * clip(value) + l2 * weights[c]))


@helper
def sigmoid(margin: float) -> float:
    """River's: exactly 0 and 1 beyond +-30."""
    if margin < -30.0:
        return 0.0
    if margin > 30.0:
        return 1.0
    return 1.0 / (1.0 + math.exp(-margin))
