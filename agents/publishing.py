"""The scores of events, as predictions and alerts."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from agents.decisions.decider import Decider, Decision
from agents.events.limits import MAX_KEY, MAX_VALUE, is_plain
from agents.outputs import Outputs
from agents.scored import ScoredBatch
from topics.codecs import Codec
from topics.records import Alert, ModelVersion, Outgoing, Prediction, Reason, Source

LARGEST_ALERT = MAX_VALUE - MAX_KEY
"""Bytes of an alert that shows all of its event: with the key it fits below Kafka's own limit."""

MAX_SHOWN = 100
"""Characters of a value in an alert whose event cannot be shown in full."""

MAX_FIELDS = 1_000
"""Fields of such an event."""


class Publisher:
    """Decides, and makes records of the scores.

    Args:
        name: Of the pipeline; predictions carry it.
        codec: The format of the predictions.
        decider: Makes alerts of some predictions; None where nothing is decided.
        entity: The field whose values are looked at; None: every event is one of its own.
        alerts: Topic and format of the alerts, one for each entity in a span; None for none.
        baselines: Whether predictions carry the scores of the baselines.
    """

    def __init__(
        self,
        name: str,
        codec: Codec,
        decider: Decider | None = None,
        entity: str | None = None,
        alerts: tuple[str, Codec] | None = None,
        *,
        baselines: bool = False,
    ) -> None:
        self._name = name
        self._encode = codec.encode
        self._decider = decider
        self._entity = entity
        self._alerts = alerts
        self._baselines = baselines

    def save(self) -> None:
        """Put what has changed into the state."""
        if self._decider is not None:
            self._decider.save()

    def publish(self, scored: ScoredBatch, outputs: Outputs) -> None:
        """Add predictions and alerts to ``outputs``; the events get their decisions."""
        entities = self._entities(scored)
        decisions = self._decide(scored, entities)
        scored.decisions = [decision.decision if decision else None for decision in decisions]
        predictions = self._predictions(scored, decisions)
        records = scored.operations.records
        outputs.predictions += [
            (records[at].key(), self._encode(prediction))
            for at, prediction in zip(scored.at, predictions, strict=True)
        ]
        if self._alerts is None:
            return
        for j, decision in enumerate(decisions):
            if decision is not None and decision.decision == "alert" and not decision.again:
                alert = self._alert(scored, j, predictions[j], entities and entities[j])
                outputs.others.append(alert)

    def _entities(self, scored: ScoredBatch) -> list[Any] | None:
        if self._entity is None:
            return None
        column = scored.operations.column(self._entity, np.array(scored.at, np.int64))
        return column if isinstance(column, list) else column.tolist()

    def _decide(
        self, scored: ScoredBatch, entities: Sequence[Any] | None
    ) -> Sequence[Decision | None]:
        if self._decider is None:
            return [None] * len(scored)
        times = scored.operations.times[scored.at].tolist()
        return self._decider.decide(times, entities, scored.scores)

    def _predictions(
        self, scored: ScoredBatch, decisions: Sequence[Decision | None]
    ) -> list[Prediction]:
        operations = scored.operations
        why: Sequence[tuple[Reason, ...] | None] = scored.reasons or [None] * len(scored)
        return [
            Prediction(
                operations.ids[at],
                prediction,
                score,
                ModelVersion(self._name, version),
                Source.of(operations.records[at]),
                decision.decision if decision else None,
                decision.threshold if decision else None,
                reasons,
                baselines,
            )
            for at, prediction, score, version, decision, reasons, baselines in zip(
                scored.at,
                scored.predictions,
                scored.scores,
                scored.versions,
                decisions,
                why,
                self._said_by_baselines(scored),
                strict=True,
            )
        ]

    def _said_by_baselines(self, scored: ScoredBatch) -> Sequence[dict[str, Any] | None]:
        baselines = scored.baselines
        if not self._baselines or baselines is None:
            return [None] * len(scored)
        return [{name: said[j] for name, said in baselines.items()} for j in range(len(scored))]

    def _alert(self, scored: ScoredBatch, j: int, said: Prediction, entity: Any) -> Outgoing:
        assert self._alerts is not None
        (topic, codec), operations, at = self._alerts, scored.operations, scored.at[j]
        time = int(operations.times[at])
        alert = Alert(
            id=said.id,
            time=time,
            entity=entity,
            score=said.score,
            threshold=said.threshold,
            reasons=said.reasons,
            model=said.model,
            source=said.source,
            event=operations.fields(at),
        )
        key = operations.records[at].key()
        return Outgoing(topic, key, _encoded(alert, codec), timestamp=time)


def _encoded(alert: Alert, codec: Codec) -> bytes:
    """The alert with its event, or with what has room of it in this format and in a record."""
    try:
        value = codec.encode(alert)
        if len(value) <= LARGEST_ALERT:
            return value
    except (OverflowError, TypeError):
        pass
    short_ones = {k: v for k, v in alert.event.items() if is_plain(v) and len(str(v)) <= MAX_SHOWN}
    shown = dict(itertools.islice(short_ones.items(), MAX_FIELDS))
    return codec.encode(msgspec.structs.replace(alert, event=shown))
