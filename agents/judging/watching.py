"""Watches the model beside its rivals: the model of this morning, and the rule by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from agents.judging.figures import FROZEN, MODEL, RULE
from agents.judging.judge import Judge
from agents.judging.rivals import Frozen, HandRule
from agents.ops import Event, Op
from agents.publishing import Said
from learners.model import Model, Rows
from topics.codecs import Codec
from topics.metrics import WindowMetrics
from topics.records import Outgoing


class Watcher:
    """Judges what was said, in windows of event time.

    Args:
        judge: Counts.
        topic: Of the metrics.
        codec: Their format.
        frozen: The model as it was at the start of the window, or since a moment; None for no
            such rival.
        rule: The rule by hand; None for no such rival.
        of_classes: The model says classes: they are judged, not the scores.
    """

    def __init__(
        self,
        judge: Judge,
        topic: str,
        codec: Codec,
        frozen: Frozen | None = None,
        rule: HandRule | None = None,
        *,
        of_classes: bool = False,
    ) -> None:
        self._judge = judge
        self._topic = topic
        self._codec = codec
        self._frozen = frozen
        self._rule = rule
        self._of_classes = of_classes

    def save(self) -> None:
        """Put what has changed into the state."""
        self._judge.save()

    def parts(self, ops: Sequence[Op], model: Model) -> Iterable[range]:
        """The places of ``ops``, cut before each event that is the first of a later window.

        The model is frozen whenever such a part begins.
        """
        if self._frozen is None:
            yield range(len(ops))
            return
        first = 0
        for i, op in enumerate(ops):
            if isinstance(op, Event) and self._frozen.due(op.time):
                if i > first:
                    yield range(first, i)
                self._frozen.freeze(model, op.time)
                first = i
        yield range(first, len(ops))

    def rivals(
        self, events: Sequence[Event], rows: Rows | Sequence[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """What the rivals say of events, by name."""
        said: list[dict[str, Any]] = [{} for _ in events]
        if self._frozen is not None and events:
            for one, score in zip(said, self._frozen.run(rows), strict=True):
                one[FROZEN] = score
        if self._rule is not None:
            for one, event in zip(said, events, strict=True):
                one[RULE] = self._rule.score(event.fields)
        return said

    def watch(self, ops: Sequence[Op], said: Sequence[Said]) -> list[Outgoing]:
        """Judge what was said; gives the metrics that are to be published now."""
        by_event = {id(one.event): one for one in said}
        found: list[WindowMetrics] = []
        for op in ops:
            if isinstance(op, Event):
                one = by_event.get(id(op))
                if one is not None:
                    found += self._judge.event(op, self._scores(one), one.decision)
            else:
                found += self._judge.label(op)
        return [self._record(metrics) for metrics in found]

    def _scores(self, one: Said) -> dict[str, Any]:
        own = one.prediction if self._of_classes else one.score
        return {MODEL: own, **(one.rivals or {})}

    def _record(self, metrics: WindowMetrics) -> Outgoing:
        return Outgoing(
            self._topic, metrics.key, self._codec.encode(metrics), timestamp=metrics.start
        )
