"""Watches the model beside its baselines: the model of this morning, and the hand rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from agents.evaluation.baselines import Frozen, RuleBaseline
from agents.evaluation.evaluator import Evaluator
from agents.evaluation.figures import FROZEN, MODEL, RULE
from agents.sinks.scored import ScoredBatch
from learners.engine.kernels import Bools, Ints
from learners.model import Model, Rows
from topics.codecs import Codec
from topics.records import Outgoing


class Watcher:
    """Evaluates what was said, in windows of event time.

    Args:
        evaluator: Counts; None where another stage evaluates what is said here.
        topic: Of the metrics.
        codec: Their format.
        frozen: The model as it was at the start of the window, or since a moment; None for no
            such baseline.
        rule: The hand rule; None for no such baseline.
        of_classes: The model says classes: they are evaluated, not the scores.
    """

    def __init__(
        self,
        evaluator: Evaluator | None,
        topic: str,
        codec: Codec,
        frozen: Frozen | None = None,
        rule: RuleBaseline | None = None,
        *,
        of_classes: bool = False,
    ) -> None:
        self._evaluator = evaluator
        self._topic = topic
        self._codec = codec
        self._frozen = frozen
        self._rule = rule
        self._of_classes = of_classes

    def save(self) -> None:
        """Put what has changed into the state."""
        if self._evaluator is not None:
            self._evaluator.save()

    @property
    def baselines(self) -> tuple[str, ...]:
        """The names of those that the model is held against."""
        names = ((FROZEN, self._frozen), (RULE, self._rule))
        return tuple(name for name, baseline in names if baseline is not None)

    def parts(self, are_events: Bools, times: Ints, model: Model) -> Iterable[slice]:
        """The steps of a batch, cut before each event that is the first of a later window.

        The model is frozen whenever such a part begins.

        Args:
            are_events: Which of the steps are events.
            times: Of the steps, in milliseconds since 1970.
        """
        first, frozen = 0, self._frozen
        while frozen is not None:
            due = np.flatnonzero(are_events[first:] & (times[first:] >= frozen.next_due))
            if not len(due):
                break
            start = first + int(due[0])
            if start > first:
                yield slice(first, start)
            frozen.freeze(model, int(times[start]))
            first = start
        yield slice(first, len(times))

    def ask_frozen(self, rows: Rows | Sequence[dict[str, Any]], scored: ScoredBatch) -> None:
        """Note what the frozen model says of the events with these features."""
        if self._frozen is not None and scored.baselines is not None:
            scored.baselines[FROZEN] += self._frozen.run(rows)

    def ask_rule(self, scored: ScoredBatch) -> None:
        """Note what the hand rule says of all events."""
        if self._rule is not None and scored.baselines is not None:
            scored.baselines[RULE] = self._rule.scores(scored.operations, np.array(scored.at, int))

    def watch(self, scored: ScoredBatch) -> list[Outgoing]:
        """Evaluate the scores, and the labels of the batch; the metrics to be published now."""
        if self._evaluator is None:
            return []
        own = scored.predictions if self._of_classes else scored.scores
        return [
            Outgoing(self._topic, found.key, self._codec.encode(found), timestamp=found.start)
            for found in self._evaluator.watch(scored, {MODEL: own, **(scored.baselines or {})})
        ]
