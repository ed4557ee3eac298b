"""What a budget is to decide, in the obvious way: an event at a time, and all is sorted anew."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from agents.decisions.budget import KEPT, LATEST_START, SLOTS, STRIDE
from agents.decisions.kept import RISES
from agents.decisions.pacing import HALF_LIFE, SLACK, SPANS, TRUST
from topics.times import DAY

Rise = tuple[float, float, float]
"""When, from which score, to which."""


class OneByOne:
    """A budget of one partition for days, without a state."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.day = self.slot = -1
        self.since, self.threshold, self.due = 0.0, math.inf, 0
        self.alerted: dict[Any, float] = {}
        self.came, self.left_out = 0, False
        self.highest: dict[Any, tuple[int, list[tuple[float, float]]]] = {}
        self.past: list[tuple[list[Rise], float]] = []

    def decide(self, time: int, entity: Any, score: float | None) -> tuple[bool, float, bool]:
        """Whether it is an alert, from which score on it is one, and whether it is one again."""
        time = max(time, self.day * DAY - (-self.slot * DAY // SLOTS))
        self._move(time)
        at = (time - self.day * DAY) / DAY
        told = self._told(at)
        if score is None:
            return False, told, False
        key = (self.came, len(self.alerted)) if entity is None else entity
        again = key in self.alerted
        told = self.alerted.get(key, told)
        self._see(key, at, score)
        if math.isnan(told) or score < told:
            return False, told, False
        if not again:
            self.alerted[key] = told
            if len(self.alerted) >= self.due:
                self._aim(at)
        return True, told, again

    def _told(self, at: float) -> float:
        paced = not self.past and len(self.alerted) > self.budget * (at - self.since)
        return math.nan if paced or self.threshold == math.inf else self.threshold

    def _move(self, time: int) -> None:
        day, slot = time // DAY, time % DAY * SLOTS // DAY
        if (day, slot) == (self.day, self.slot):
            return
        at = time % DAY / DAY
        if day != self.day:
            if self.day >= 0 and self.since <= LATEST_START:
                self.past = [*self.past, (self._rises(), self._floor())][-SPANS:]
            self.since = at if self.day < 0 else 0.0
            self.alerted, self.highest, self.came, self.left_out = {}, {}, 0, False
        self.day, self.slot = day, slot
        self._aim(at)

    def _see(self, key: Any, at: float, score: float) -> None:
        if key in self.highest:
            _, rises = self.highest[key]
            if score > rises[-1][1]:
                if len(rises) == RISES:
                    rises[-1] = rises[-1][0], score
                else:
                    rises.append((at, score))
            return
        if len(self.highest) == KEPT * (self.budget + 16):
            self.left_out = True
            if score <= self._floor():
                return
            lowest = min((r[-1][1], n, k) for k, (n, r) in self.highest.items())
            del self.highest[lowest[2]]
        self.highest[key] = self.came, [(at, score)]
        self.came += 1

    def _floor(self) -> float:
        return min(r[-1][1] for _, r in self.highest.values()) if self.left_out else -math.inf

    def _rises(self) -> list[Rise]:
        found: list[Rise] = []
        for _, rises in self.highest.values():
            before = -math.inf
            for at, score in rises:
                found.append((at, before, score))
                before = score
        return found

    def _aim(self, at: float) -> None:
        spent = len(self.alerted)
        left = self.budget - spent
        self.due = spent + max(1, left // STRIDE)
        self.threshold = self._reached(at, spent, left) if left > 0 else math.inf

    def _reached(self, at: float, spent: int, left: int) -> float:
        weights = 0.5 ** (np.arange(len(self.past))[::-1] / HALF_LIFE)
        shares = np.repeat(weights / weights.sum() if self.past else weights, self._lengths())
        rises = np.array([rise for each, _ in self.past for rise in each]).reshape(-1, 3)
        later = rises[:, 0] >= at
        if total := shares.sum():
            rest = float(shares[later].sum() / total)
            gone = 1.0 - rest
            due = (spent + left) * gone
            trust = TRUST if spent <= due + SLACK * math.sqrt(due) + 1 else 0.0
        else:
            trust, rest, gone = 0.0, 1.0 - at, at - self.since
        now = np.array(self._rises()).reshape(-1, 3)
        expected = np.concatenate([shares[later] * trust, np.full(len(now), rest)])
        expected /= max(trust + gone, 1e-6)
        found = _highest(left, np.concatenate([rises[later], now]), expected)
        return max([found, self._floor(), *(floor for _, floor in self.past)])

    def _lengths(self) -> Sequence[int]:
        return [len(rises) for rises, _ in self.past]


def _highest(left: int, rises: Any, expected: Any) -> float:
    """The highest score that is reached `left` times."""
    starts = np.isfinite(rises[:, 1])
    scores = np.concatenate([rises[:, 2], rises[starts, 1]])
    order = np.argsort(-scores, kind="stable")
    reached = np.cumsum(np.concatenate([expected, -expected[starts]])[order]).tolist()
    ordered = [*scores[order].tolist(), None]
    for score, following, times in zip(ordered, ordered[1:], reached, strict=False):
        if following != score and times >= left:
            return float(score)
    return -math.inf
