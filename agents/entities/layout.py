"""How the past of an entity lies in memory, and what is computed from it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from agents.entities.declare import Declared, Function
from agents.entities.kernels import (
    COUNT,
    DISTINCT,
    FIRST_NUMBER,
    MEAN,
    RATIO,
    SINCE_LAST,
    SKETCH,
    STD,
    SUM,
    Plan,
    Shape,
)
from learners.engine.kernels import Floats

CODES: dict[Function, int] = {
    "count": COUNT,
    "sum": SUM,
    "mean": MEAN,
    "std": STD,
    "distinct": DISTINCT,
    "ratio": RATIO,
    "since_last": SINCE_LAST,
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
        ring, sums, squared = declared.windows.ring, declared.numbers, declared.fields("std")
        stride, sketches = len(sums) + len(squared), len(declared.marks)
        sketches_at = FIRST_NUMBER + ring * stride
        counts_at = sketches_at + ring * sketches * SKETCH
        shape = Shape(ring, len(sums), stride, sketches, sketches_at, 2 * counts_at)
        return cls(shape, _plan(declared, squared), counts_at + (ring + 1) // 2)


def _plan(declared: Declared, squared: tuple[str, ...]) -> Plan:
    numbers, spans = declared.numbers, declared.windows.spans
    ascending = sorted(range(len(spans)), key=spans.__getitem__)
    squares = [len(numbers) + squared.index(x) if x in squared else -1 for x in numbers]
    features = [
        (
            CODES[f.function],
            (declared.marks if f.function == "distinct" else numbers).index(f.x) if f.x else 0,
            ascending.index(f.window) if f.window >= 0 else -1,
        )
        for f in declared.features
    ]
    return Plan(
        np.array(squares, np.int64),
        np.array([spans[w] for w in ascending], np.int64),
        np.array(features, np.int64).reshape(-1, 3),
        estimates(),
    )


def estimates() -> Floats:
    """How many different values have set so many of `BITS` bits: linear counting.

    Whang, Vander-Zanden, Taylor: A Linear-Time Probabilistic Counting Algorithm for Database
    Applications. ACM TODS 15(2), 1990, equation 5. The standard error with n values over m bits
    is sqrt(m (e^t - t - 1)) / n, t = n / m: with 256 bits 5 % at 256 values, 6 % at 500,
    11 % at 1,000. All bits set count as all but one: 1,420 values, the largest estimate.
    """
    empty = [max(1, BITS - n) / BITS for n in range(BITS + 1)]
    return np.array([BITS * math.log(1.0 / share) for share in empty])
