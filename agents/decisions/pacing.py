"""From which score on an entity is worth one of the alerts that are left in a span of time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from agents.decisions.highest import Highest
from learners.engine.kernels import Bools, Floats, Ints, kernel

SPANS = 7
"""How many past spans are kept."""
HALF_LIFE = 3.0
"""In spans: one that is older by as much counts half."""
TRUST = 2.0
"""How many spans of the present the past spans together are worth."""
SLACK = 2.0
"""In standard deviations of a count."""


@dataclass(frozen=True, slots=True)
class Span:
    """A past span: its rises as ``Highest.rises`` has them, and the floor of what it kept."""

    rises: Floats
    floor: float

    def pack(self) -> list[Any]:
        """For ``unpack``."""
        return [self.rises.astype("<f8").tobytes(), self.floor]

    @classmethod
    def unpack(cls, packed: Sequence[Any]) -> Span:
        """What ``pack`` was given."""
        return cls(np.frombuffer(packed[0], "<f8").reshape(-1, 3).copy(), packed[1])


class Steps(NamedTuple):
    """How often a score is reached, as a function of the score: where it rises and falls.

    A rise of an entity from one score to another counts for all scores between: it adds at its
    end, and takes away at its start.

    Attributes:
        scores: Descending.
        falls: Which are starts; of equal scores, ends go before starts.
        rises: The rise of each, by its place in `weights`.
        weights: How often each rise is expected; NaN for one that does not count.
    """

    scores: Floats
    falls: Bools
    rises: Ints
    weights: Floats


class Past:
    """The latest spans. How many entities will reach a score for the first time until the end?

    As many as did in the past spans after the same time of the span; corrected by how many
    have reached it in this span so far.

    Args:
        spans: The oldest first.
    """

    def __init__(self, spans: Sequence[Span] = ()) -> None:
        self.spans = list(spans[-SPANS:])
        ages = np.arange(len(self.spans))[::-1]
        weights = 0.5 ** (ages / HALF_LIFE)
        self._rises = np.concatenate([np.empty((0, 3)), *(span.rises for span in self.spans)])
        shares = weights / weights.sum() if len(weights) else weights
        self._shares = np.repeat(shares, [len(span.rises) for span in self.spans])
        self._steps = _steps(self._rises, np.empty(len(self._rises)))

    def threshold(self, at: float, since: float, spent: int, left: int, highest: Highest) -> float:
        """The score that ``left`` entities are expected to reach until the end of the span.

        Args:
            at: The time, as a share of the span.
            since: When this span was first looked at.
            spent: Alerts of this span. Where they run ahead of its time by more than chance
                explains, this is no span like the past ones, which then count for nothing.
            left: Alerts that are left, at least 1.
            highest: What this span has seen so far.

        Returns:
            The highest such score; where so many are not expected, the lowest that is known of.
        """
        later = self._rises[:, 0] >= at
        total = self._shares.sum()
        if total:
            rest = float(self._shares[later].sum() / total)
            gone = 1.0 - rest
            due = (spent + left) * gone
            trust = TRUST if spent <= due + SLACK * math.sqrt(due) + 1 else 0.0
        else:
            trust, rest, gone = 0.0, 1.0 - at, at - since
        worth, rises = max(trust + gone, 1e-6), highest.rises()
        np.divide(self._shares * trust, worth, out=self._steps.weights, where=later)
        self._steps.weights[~later] = math.nan
        now = _steps(rises, np.full(len(rises), rest / worth))
        floor = max([highest.floor, *(span.floor for span in self.spans)])
        found = float(reached_by(left, self._steps, now))
        return floor if math.isnan(found) else max(found, floor)


def _steps(rises: Floats, weights: Floats) -> Steps:
    """Where the rises end and where they start, by their scores."""
    starts = np.flatnonzero(np.isfinite(rises[:, 1]))
    scores = np.concatenate([rises[:, 2], rises[starts, 1]])
    order = np.argsort(-scores, kind="stable")
    places = np.concatenate([np.arange(len(rises)), starts])[order]
    return Steps(scores[order], order >= len(rises), places, weights)


@kernel
def reached_by(left: float, past: Steps, now: Steps) -> float:
    """The highest score that is expected to be reached `left` times; NaN where none is.

    The steps of equal scores are added in this order: ends of the past, ends of now, starts of
    the past, starts of now. So the sum has the same bits whoever finds it.
    """
    i, j, total, score, any_ = 0, 0, 0.0, 0.0, False
    n, m = past.scores.shape[0], now.scores.shape[0]
    while True:
        while i < n and past.weights[past.rises[i]] != past.weights[past.rises[i]]:
            i += 1
        ended = i >= n and j >= m
        of_past = i < n and (
            j >= m
            or past.scores[i] > now.scores[j]
            or (past.scores[i] == now.scores[j] and (now.falls[j] or not past.falls[i]))
        )
        following = 0.0 if ended else past.scores[i] if of_past else now.scores[j]
        if any_ and total >= left and (ended or following != score):
            return score
        if ended:
            return math.nan
        if of_past:
            weight, falls = past.weights[past.rises[i]], past.falls[i]
            i += 1
        else:
            weight, falls = now.weights[now.rises[j]], now.falls[j]
            j += 1
        total += -weight if falls else weight
        score, any_ = following, True
