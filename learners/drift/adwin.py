"""Adaptive windowing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from learners.drift.detector import Detector
from learners.engine.kernels import Floats, helper, kernel
from learners.parameters import number, whole

ROWS = 50  # row i holds buckets of 2^i losses: room for more than will ever come
WIDTH, TOTAL, VARIANCE, TICK, USED = range(5)


class ADWIN(Detector):
    """ADWIN: a window of the past, cut where its two parts have means that differ.

    The window is kept as buckets of 1, 2, 4, ... losses, so it needs memory and time that
    grow with the logarithm of its length. Equal to River's, bit by bit: the window is empty
    after a change.

    Parameters
    ----------
    delta
        The chance of a false alarm at each check, above 0 and below 1.
    clock
        Losses between two checks, at least 1.
    max_buckets
        Buckets of each size, at least 2.
    min_window_length
        The least that each part must hold, at least 1.
    grace_period
        Losses before the first check, at least 1.

    References
    ----------
    Bifet, Gavalda: Learning from Time-Changing Data with Adaptive Windowing. SDM 2007.
    """

    sensitivity: ClassVar[str] = "delta"

    def __init__(
        self,
        delta: float = 0.002,
        clock: int = 32,
        max_buckets: int = 5,
        min_window_length: int = 5,
        grace_period: int = 10,
    ) -> None:
        self.delta = number("delta", delta, above=0.0, most=0.999)
        self.clock = whole("clock", clock, least=1)
        self.max_buckets = whole("max_buckets", max_buckets, least=2)
        self.min_window_length = whole("min_window_length", min_window_length, least=1)
        self.grace_period = whole("grace_period", grace_period, least=1)
        self.numbers: Floats = np.zeros(5)
        self.counts: Floats = np.zeros(ROWS)
        self.totals: Floats = np.zeros((ROWS, self.max_buckets + 1))
        self.variances: Floats = np.zeros((ROWS, self.max_buckets + 1))

    def find(self, losses: Floats, start: int = 0) -> tuple[int, bool]:
        """See Detector."""
        at, risen = _find(
            losses, start, self.numbers, self.counts, self.totals, self.variances,
            self.delta, self.clock, self.max_buckets, self.min_window_length, self.grace_period,
        )  # fmt: skip
        return int(at), bool(risen)

    def state(self) -> dict[str, Any]:
        """Width, total, variance and clock of the window; counts, totals and variances of the
        buckets, one row a size."""
        used = int(self.numbers[USED])
        return {
            "numbers": self.numbers,
            "counts": self.counts[:used],
            "totals": self.totals[:used],
            "variances": self.variances[:used],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        self.numbers = np.array(state["numbers"], np.float64)
        used = int(self.numbers[USED])
        for array, name in (
            (self.counts, "counts"), (self.totals, "totals"), (self.variances, "variances")
        ):  # fmt: skip
            array[:] = 0.0
            array[:used] = state[name]


@kernel
def _find(
    losses: Floats, start: int, numbers: Floats, counts: Floats, totals: Floats,
    variances: Floats, delta: float, clock: int, max_buckets: int, least: int, grace: int,
) -> tuple[int, bool]:  # fmt: skip
    for i in range(start, losses.shape[0]):
        if math.isnan(losses[i]):
            continue
        _insert(losses[i], numbers, counts, totals, variances, max_buckets)
        numbers[TICK] += 1.0
        if numbers[TICK] % clock == 0.0 and numbers[WIDTH] > grace:
            before = numbers[TOTAL] / numbers[WIDTH]
            changed = False
            while _cut(numbers, counts, totals, variances, delta, least):
                changed = True
            if changed:
                risen = numbers[TOTAL] / numbers[WIDTH] > before
                numbers[:] = 0.0
                counts[:] = 0.0
                totals[:] = 0.0
                variances[:] = 0.0
                return i, risen
    return losses.shape[0], False


@helper
def _insert(
    loss: float, numbers: Floats, counts: Floats, totals: Floats, variances: Floats,
    max_buckets: int,
) -> None:  # fmt: skip
    _append(0, loss, 0.0, numbers, counts, totals, variances)
    numbers[WIDTH] += 1.0
    width = numbers[WIDTH]
    if width > 1.0:
        mean = numbers[TOTAL] / (width - 1.0)
        numbers[VARIANCE] += (width - 1.0) * (loss - mean) * (loss - mean) / width
    numbers[TOTAL] += loss
    row = 0
    while counts[row] == max_buckets + 1:  # two of a size become one of the next
        n = 2.0**row
        first, second = totals[row, 0], totals[row, 1]
        apart = first / n - second / n
        spread = n * n * apart * apart / (n + n)
        variance = variances[row, 0] + variances[row, 1] + spread
        _append(row + 1, first + second, variance, numbers, counts, totals, variances)
        _drop(row, 2, counts, totals, variances)
        row += 1


@helper
def _append(
    row: int, total: float, variance: float,
    numbers: Floats, counts: Floats, totals: Floats, variances: Floats,
) -> None:  # fmt: skip
    k = int(counts[row])
    totals[row, k] = total
    variances[row, k] = variance
    counts[row] += 1.0
    numbers[USED] = max(numbers[USED], row + 1.0)


@helper
def _drop(row: int, n: int, counts: Floats, totals: Floats, variances: Floats) -> None:
    """Take the `n` oldest buckets off a row."""
    left = int(counts[row]) - n
    for k in range(totals.shape[1]):
        totals[row, k] = totals[row, k + n] if k < left else 0.0
        variances[row, k] = variances[row, k + n] if k < left else 0.0
    counts[row] = left


@helper
def _cut(
    numbers: Floats, counts: Floats, totals: Floats, variances: Floats, delta: float, least: int
) -> bool:
    """Drop the oldest bucket if the window has two parts that differ."""
    n0, n1, u0, u1 = 0.0, numbers[WIDTH], 0.0, numbers[TOTAL]
    for row in range(int(numbers[USED]) - 1, -1, -1):
        n = 2.0**row
        for k in range(int(counts[row])):
            n0 += n
            n1 -= n
            u0 += totals[row, k]
            u1 -= totals[row, k]
            if row == 0 and k == int(counts[row]) - 1:
                return False
            if n0 >= least and n1 >= least:
                bound = _bound(n0, n1, numbers[WIDTH], numbers[VARIANCE], delta, least)
                if abs(u0 / n0 - u1 / n1) > bound:
                    _forget_oldest(numbers, counts, totals, variances)
                    return True
    return False


@helper
def _bound(n0: float, n1: float, width: float, variance: float, delta: float, least: int) -> float:
    """The paper's epsilon of a cut."""
    if variance < 0.0:  # by rounding
        return math.inf
    confidence = math.log(2.0 * math.log(width) / delta)
    m = 1.0 / (n0 - least + 1.0) + 1.0 / (n1 - least + 1.0)
    return math.sqrt(2.0 * m * (variance / width) * confidence) + 2.0 / 3.0 * confidence * m


@helper
def _forget_oldest(numbers: Floats, counts: Floats, totals: Floats, variances: Floats) -> None:
    row = int(numbers[USED]) - 1
    n, u, v = 2.0**row, totals[row, 0], variances[row, 0]
    numbers[WIDTH] -= n
    numbers[TOTAL] -= u
    width = numbers[WIDTH]
    apart = u / n - numbers[TOTAL] / width
    numbers[VARIANCE] -= v + n * width * apart * apart / (n + width)
    _drop(row, 1, counts, totals, variances)
    if counts[row] == 0.0:
        numbers[USED] -= 1.0
