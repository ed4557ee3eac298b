"""The compiled code of trends: times within buckets, and the slope of a line."""

from __future__ import annotations

from agents.entities.shapes import Pasts, Shape, Steps
from learners.engine.kernels import Floats, helper

SAME_TIME = 1e-20
"""In squared bucket lengths: what is less than this is rounding, not a distance in time."""


@helper
def add_time(pasts: Pasts, shape: Shape, steps: Steps, i: int, n: float, first: int) -> float:
    """Add the time of a row to its bucket; how much later it is than the mean before it."""
    if shape.times < 0:
        return 0.0
    slot, at, off = steps.slots[i], first + shape.times, 0.0
    time = steps.times[i] / shape.length - steps.buckets[i]
    if n > 0.0:
        off = time - pasts.numbers[slot, at] / n
        pasts.numbers[slot, at + 1] += off * off * n / (n + 1.0)
    pasts.numbers[slot, at] += time
    return off


@helper
def include_times(
    pasts: Pasts,
    shape: Shape,
    slot: int,
    first: int,
    begin: float,
    n: float,
    more: float,
    totals: Floats,
) -> float:
    """Those of a bucket; how much later its mean is than that of the buckets before."""
    if shape.times < 0:
        return 0.0
    at, mine = 1 + 3 * shape.sums, first + shape.times
    total = pasts.numbers[slot, mine] + begin * more
    off: float = total / more
    if n > 0.0:
        off -= totals[at] / n
    totals[at + 1] += pasts.numbers[slot, mine + 1] + off * off * n * more / (n + more)
    totals[at] += total
    return float(off)


@helper
def slope(both: float, times: float) -> float:
    """Of the line of least squares; 0 where all is of one time."""
    return both / times if times > SAME_TIME else 0.0
