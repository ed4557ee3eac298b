"""How the past of an entity lies in memory, and what is computed from it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from agents.entities.declare import Declared, Feature, Function
from agents.entities.shapes import (
    COUNT,
    DISTINCT,
    EARLIER,
    FIRST_NUMBER,
    MEAN,
    RATIO,
    SINCE_LAST,
    SKETCH,
    STD,
    SUM,
    TREND,
    Plan,
    Shape,
)
from learners.engine.kernels import Floats, Ints

CODES: dict[Function, int] = {
    "count": COUNT,
    "sum": SUM,
    "mean": MEAN,
    "std": STD,
    "distinct": DISTINCT,
    "ratio": RATIO,
    "since_last": SINCE_LAST,
    "trend": TREND,
    "last": EARLIER,
    "lag": EARLIER,
}
BITS = 64 * SKETCH


@dataclass(frozen=True, slots=True)
class Layout:
    """Of the rows of a table.

    Attributes:
        shape: Where things lie.
        plan: What is computed.
        width: Of a row, in words of 8 bytes.
    """

    shape: Shape
    plan: Plan
    width: int

    @classmethod
    def of(cls, declared: Declared) -> Layout:
        """The layout of a table."""
        ring, sums = declared.windows.ring, declared.sums
        squared, sloped = declared.fields("std"), declared.fields("trend")
        times = len(sums) + len(squared) + len(sloped)
        stride, sketches = times + (2 if sloped else 0), len(declared.marks)
        sketches_at = FIRST_NUMBER + ring * stride
        earlier_at = sketches_at + ring * sketches * SKETCH
        earlier, counts_at = _earlier(declared, earlier_at)
        shape = Shape(
            declared.windows.bucket,
            ring,
            len(sums),
            stride,
            times if sloped else -1,
            sketches,
            sketches_at,
            2 * counts_at,
        )
        return cls(shape, _plan(declared, earlier), counts_at + (ring + 1) // 2)


def _earlier(declared: Declared, at: int) -> tuple[Ints, int]:
    """Where earlier values are kept, from the word `at` on; and the first word behind them."""
    rows = []
    for x, depth in declared.depths.items():
        rows.append((declared.numbers.index(x), depth, at))
        at += 1 + 2 * depth
    return np.array(rows, np.int64).reshape(-1, 3), at


def _plan(declared: Declared, earlier: Ints) -> Plan:
    spans = declared.windows.spans
    ascending = sorted(range(len(spans)), key=spans.__getitem__)
    squared, sloped = declared.fields("std"), declared.fields("trend")
    features = [
        (
            CODES[f.function],
            _which(declared, f),
            ascending.index(f.window) if f.window >= 0 else -1,
            f.n,
        )
        for f in declared.features
    ]
    return Plan(
        _places(declared.sums, squared, len(declared.sums)),
        _places(declared.sums, sloped, len(declared.sums) + len(squared)),
        earlier,
        np.array([spans[w] for w in ascending], np.int64),
        np.array(features, np.int64).reshape(-1, 4),
        estimates(),
    )


def _places(sums: tuple[str, ...], chosen: tuple[str, ...], first: int) -> Ints:
    """Where a bucket has something of the chosen ones of the summed fields; -1 for the others."""
    return np.array([first + chosen.index(x) if x in chosen else -1 for x in sums], np.int64)


def _which(declared: Declared, feature: Feature) -> int:
    """Which of the sketches, of the fields with earlier values or of the sums it is of."""
    if not feature.x:
        return 0
    if feature.n:
        return list(declared.depths).index(feature.x)
    return (declared.marks if feature.function == "distinct" else declared.sums).index(feature.x)


def estimates() -> Floats:
    """How many different values have set so many of `BITS` bits: linear counting.

    Whang, Vander-Zanden, Taylor: A Linear-Time Probabilistic Counting Algorithm for Database
    Applications. ACM TODS 15(2), 1990, equation 5. The standard error with n values over m bits
    is sqrt(m (e^t - t - 1)) / n, t = n / m: with 256 bits 5 % at 256 values, 6 % at 500,
    11 % at 1,000. All bits set count as all but one: 1,420 values, the largest estimate.
    """
    empty = [max(1, BITS - n) / BITS for n in range(BITS + 1)]
    return np.array([BITS * math.log(1.0 / share) for share in empty])
