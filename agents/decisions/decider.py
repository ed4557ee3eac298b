"""When a score is an alert: over a threshold, or among the highest that a budget allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.decisions.budget import Budget, Decisions
from agents.shares import share
from agents.state import State
from learners.engine.kernels import Ints
from topics.times import DAY

__all__ = ["Decider", "DecisionSettings", "Decisions"]


@dataclass(frozen=True, slots=True)
class DecisionSettings:
    """One rule: a ``threshold``, or a ``budget``.

    Attributes:
        threshold: The score from which on an event is an alert.
        budget: How many entities may be alerted in each span, by all partitions together.
        per: Milliseconds of a span. Spans begin at the multiples of it since 1970.
        partition: Whose share of the budget is spent, from 0.
        partitions: How many share it.
    """

    threshold: float | None = None
    budget: int | None = None
    per: int = DAY
    partition: int = 0
    partitions: int = 1

    def share(self, span: int) -> int:
        """The alerts of this partition in a span; see `agents.shares.share`."""
        return share(self.budget or 0, self.partition, self.partitions, span)


class Decider:
    """Decides event after event, in their order, by what came before them.

    With a threshold nothing is remembered. With a budget, the first event of an entity that
    reaches the threshold of the moment is an alert, and costs one; later events of an alerted
    entity are alerts from that same score on, and cost nothing, until the span ends.

    Args:
        settings: The rule.
        state: What is remembered lies under keys "decisions/...".
    """

    def __init__(self, settings: DecisionSettings, state: State) -> None:
        self._threshold = settings.threshold
        self._budget: Budget | None = None
        if settings.budget is not None:
            self._budget = Budget(settings.share, settings.per, state)

    def decide(
        self,
        times: Sequence[int] | Ints,
        entities: Sequence[Any] | None,
        scores: Sequence[float | None],
    ) -> Decisions:
        """Decide each event.

        Args:
            times: In milliseconds since 1970. An event that comes late counts as of now.
            entities: The entity of each event; None, as a whole or for one: an entity of its own.
            scores: An event passes whose score is None or not finite.
        """
        numbers = np.array(scores, np.float64)  # None becomes NaN
        numbers[~np.isfinite(numbers)] = np.nan
        if self._budget is not None:
            return self._budget.decide(np.array(times, np.int64), entities, numbers)
        threshold = np.nan if self._threshold is None else self._threshold
        thresholds = np.full(len(numbers), threshold)
        return Decisions(numbers >= thresholds, thresholds, np.zeros(len(numbers), np.bool_))

    def save(self) -> None:
        """Put what has changed into the state; to be called before each commit."""
        if self._budget is not None:
            self._budget.save()
