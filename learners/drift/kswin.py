"""Windows compared by the Kolmogorov-Smirnov test."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from learners.drift.detector import Detector
from learners.engine.kernels import Floats, helper, kernel
from learners.errors import WrongValue
from learners.parameters import number, whole

MOST = 5000
PRIME = 2147483647


class KSWIN(Detector):
    """KSWIN: the last losses against as many drawn from those before them.

    It sees any change of the distribution, not of the mean alone, and forgets all that is
    older than its window. As River's, but for the draws: they come from a generator whose
    state is one number. The p-value is exact.

    Parameters
    ----------
    alpha
        The chance of a false alarm at each loss, above 0 and below 1. There is a test at
        every loss: choose it far smaller than for one test.
    window_size
        Losses that are kept, at most 5,000.
    stat_size
        How many of them are the last ones, at most half of the window.
    seed
        Of the draws.

    References
    ----------
    Raab, Heusinger, Schleif: Reactive Soft Prototype Computing for Concept Drift Streams.
    Neurocomputing 416 (2020). Park, Miller: Random Number Generators. CACM 31 (1988).
    """

    sensitivity: ClassVar[str] = "alpha"

    def __init__(
        self, alpha: float = 0.0001, window_size: int = 100, stat_size: int = 30, seed: int = 0
    ) -> None:
        self.alpha = number("alpha", alpha, above=0.0, most=0.999)
        self.window_size = whole("window_size", window_size, least=4)
        self.stat_size = whole("stat_size", stat_size, least=2)
        if self.window_size > MOST:
            raise WrongValue("window_size", window_size, f"must not be above {MOST}")
        if 2 * self.stat_size > self.window_size:
            raise WrongValue("stat_size", stat_size, "must be at most half of window_size")
        self.seed = whole("seed", seed, least=0)
        self.apart = least_distance(self.stat_size, self.alpha)
        self.window: Floats = np.zeros(self.window_size)
        self.numbers: Floats = np.array([0.0, self._first()])

    def _first(self) -> float:
        return float(self.seed % (PRIME - 1) + 1)

    def find(self, losses: Floats, start: int = 0) -> tuple[int, bool]:
        """See Detector."""
        at, risen = _find(
            losses, start, self.window, self.numbers, self.stat_size, self.apart, self._first()
        )
        return int(at), bool(risen)

    def state(self) -> dict[str, Any]:
        """The window, oldest first; how many there were, and the state of the generator."""
        count = int(self.numbers[0])
        kept = self.window[:count]
        if count > self.window_size:
            kept = np.roll(self.window, -(count % self.window_size))
        return {"window": kept, "numbers": self.numbers}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        self.numbers = np.array(state["numbers"], np.float64)
        kept = np.array(state["window"], np.float64)
        self.window = np.zeros(self.window_size)
        self.window[: len(kept)] = kept
        if len(kept) == self.window_size:
            self.window = np.roll(self.window, int(self.numbers[0]) % self.window_size)


def least_distance(n: int, alpha: float) -> int:
    """The least distance of two empirical distributions of `n` values each, in steps of 1 / n,
    that is above 0.1 and has a p-value of at most `alpha`.

    Raises ParameterError if even the largest distance is likelier than that.
    """
    for h in range(n // 10 + 1, n + 1):
        # Gnedenko and Korolyuk: by reflection, as many paths as leave the strip, of all
        outside = sum((-1) ** (k - 1) * math.comb(2 * n, n - k * h) for k in range(1, n // h + 1))
        if 2 * outside / math.comb(2 * n, n) <= alpha:
            return h
    raise WrongValue("alpha", alpha, f"too small for stat_size = {n}")


@kernel
def _find(
    losses: Floats, start: int, window: Floats, numbers: Floats,
    n: int, apart: int, first: float,
) -> tuple[int, bool]:  # fmt: skip
    size = window.shape[0]
    pool, drawn, recent = np.empty(size - n), np.empty(n), np.empty(n)
    for i in range(start, losses.shape[0]):
        if math.isnan(losses[i]):
            continue
        oldest = (int(numbers[0]) + 1) % size
        window[int(numbers[0]) % size] = losses[i]
        numbers[0] += 1.0
        if numbers[0] < size:
            continue
        for k in range(size - n):
            pool[k] = window[(oldest + k) % size]
        for k in range(n):
            recent[k] = window[(oldest + size - n + k) % size]
        numbers[1] = draw(pool, drawn, numbers[1])
        rise = 0.0
        for k in range(n):
            rise += recent[k] - drawn[k]
        if distance(drawn, recent) >= apart:
            window[:] = 0.0
            numbers[0], numbers[1] = 0.0, first
            return i, rise > 0.0
    return losses.shape[0], False


@helper
def draw(pool: Floats, drawn: Floats, random: float) -> float:
    """Fill `drawn` from `pool`, none twice; takes and returns the state of the generator."""
    left = pool.shape[0]
    for k in range(drawn.shape[0]):
        random = (random * 48271.0) % PRIME
        j = int((random - 1.0) / (PRIME - 1) * left)
        left -= 1
        drawn[k] = pool[j]
        pool[j] = pool[left]
    return random


@helper
def distance(one: Floats, other: Floats) -> int:
    """The largest difference between the numbers of values up to any value. Sorts both."""
    one.sort()
    other.sort()
    n, i, j, most = one.shape[0], 0, 0, 0
    while i < n and j < n:
        value = min(one[i], other[j])
        while i < n and one[i] == value:
            i += 1
        while j < n and other[j] == value:
            j += 1
        most = max(most, abs(i - j))
    return most
