"""From which score on an entity is worth one of the alerts that are left in a span of time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.decisions.highest import Floats, Highest

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
        now = highest.rises()
        later = self._rises[:, 0] >= at
        total = self._shares.sum()
        if total:
            rest = float(self._shares[later].sum() / total)
            gone = 1.0 - rest
            due = (spent + left) * gone
            trust = TRUST if spent <= due + SLACK * math.sqrt(due) + 1 else 0.0
        else:
            trust, rest, gone = 0.0, 1.0 - at, at - since
        expected = np.concatenate([self._shares[later] * trust, np.full(len(now), rest)])
        rises = np.concatenate([self._rises[later], now])
        floor = max([highest.floor, *(span.floor for span in self.spans)])
        return _reached_by(left, rises, expected / max(trust + gone, 1e-6), floor)


def _reached_by(left: float, rises: Floats, expected: Floats, floor: float) -> float:
    """The highest score that ``left`` of the ``rises`` reach, each counted as often as expected."""
    starts = np.isfinite(rises[:, 1])
    scores = np.concatenate([rises[:, 2], rises[starts, 1]])
    order = np.argsort(-scores, kind="stable")
    scores = scores[order]
    reached = np.cumsum(np.concatenate([expected, -expected[starts]])[order])
    last = np.append(scores[1:] != scores[:-1], True)[: len(scores)]
    enough = np.flatnonzero(last & (reached >= left))
    return max(float(scores[enough[0]]), floor) if len(enough) else floor
