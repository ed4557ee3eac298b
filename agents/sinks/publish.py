"""The scores of events, as predictions and alerts."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from agents.decisions.decider import Decider
from agents.events.limits import MAX_KEY, MAX_VALUE, is_plain
from agents.outputs import Outputs
from agents.sinks.predictions import PredictionEncoder
from agents.sinks.scored import ScoredBatch
from topics.codecs import Codec
from topics.records import Alert, ModelVersion, Outgoing, Record, Source, of_each, some

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
        self._encoder = PredictionEncoder(codec, name, baselines=baselines)
        self._decider = decider
        self._entity = entity
        self._alerts = alerts

    def save(self) -> None:
        """Put what has changed into the state."""
        if self._decider is not None:
            self._decider.save()

    def warm_up(self) -> None:
        """Compile what encodes predictions."""
        self._encoder.warm_up()

    def publish(self, scored: ScoredBatch, outputs: Outputs) -> None:
        """Add predictions and alerts to ``outputs``; the events get their decisions."""
        entities = self._entities(scored)
        alerts = self._decide(scored, entities)
        keys = of_each(_records(scored), "key")
        outputs.predictions += zip(keys, self._encoder.encode(scored), strict=True)
        if self._alerts is not None:
            for j in alerts:
                outputs.others.append(self._alert(scored, j, entities and entities[j]))

    def _entities(self, scored: ScoredBatch) -> list[Any] | None:
        if self._entity is None:
            return None
        column = scored.operations.column(self._entity, scored.at)
        return column if isinstance(column, list) else column.tolist()

    def _decide(self, scored: ScoredBatch, entities: Sequence[Any] | None) -> Sequence[int]:
        """Let the events have their decisions; which are the first alerts of their entities."""
        if self._decider is None:
            return ()
        times = scored.operations.times[scored.at]
        decided = self._decider.decide(times, entities, scored.scores)
        scored.decisions = np.where(decided.alerts, "alert", "pass").tolist()
        scored.thresholds = [t if t == t else None for t in decided.thresholds.tolist()]
        return np.flatnonzero(decided.alerts & ~decided.again).tolist()

    def _alert(self, scored: ScoredBatch, j: int, entity: Any) -> Outgoing:
        assert self._alerts is not None
        (topic, codec), operations, at = self._alerts, scored.operations, int(scored.at[j])
        time, record = int(operations.times[at]), operations.records[at]
        alert = Alert(
            id=operations.ids[at],
            time=time,
            entity=entity,
            score=scored.scores[j],
            threshold=scored.thresholds[j],
            reasons=scored.reasons[j] if scored.reasons else None,
            model=ModelVersion(
                self._name, scored.versions[j], scored.shares[j] if scored.shares else None
            ),
            source=Source.of(record),
            event=operations.fields(at),
        )
        return Outgoing(topic, record.key(), _encoded(alert, codec), timestamp=time)


def _records(scored: ScoredBatch) -> Sequence[Record]:
    records = scored.operations.records
    return records if len(scored) == len(records) else some(records, scored.at.tolist())


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
