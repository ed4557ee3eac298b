"""What was said of events, as predictions and alerts."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from agents.decisions.decider import Decider, Decision
from agents.events.limits import MAX_KEY, MAX_VALUE, is_plain
from agents.ops import Event
from agents.outputs import Outputs
from topics.codecs import Codec
from topics.records import Alert, ModelVersion, Outgoing, Prediction, Reason

LARGEST_ALERT = MAX_VALUE - MAX_KEY
"""Bytes of an alert that shows all of its event: with the key it fits below Kafka's own limit."""

MAX_SHOWN = 100
"""Characters of a value in an alert whose event cannot be shown in full."""

MAX_FIELDS = 1_000
"""Fields of such an event."""


class Said(msgspec.Struct, gc=False):
    """What was said of an event.

    Attributes:
        event: Which one.
        prediction, score: See ``Prediction``.
        version: How many events the model had learned before.
        reasons: The features that moved the score most; None where they are not asked for.
        rivals: What others said: scores by name.
        decision: "alert" or "pass"; None where nothing is decided.
    """

    event: Event
    prediction: Any
    score: float | None
    version: int
    reasons: tuple[Reason, ...] | None = None
    rivals: Mapping[str, Any] | None = None
    decision: Literal["alert", "pass"] | None = None


class Publisher:
    """Decides, and makes records of what was said.

    Args:
        name: Of the pipeline; predictions carry it.
        codec: The format of the predictions.
        decider: Makes alerts of some predictions; None where nothing is decided.
        entity: The field whose values are looked at; None: every event is one of its own.
        alerts: Topic and format of the alerts, one for each entity in a span; None for none.
        rivals: Whether predictions tell what the rivals said.
    """

    def __init__(
        self,
        name: str,
        codec: Codec,
        decider: Decider | None = None,
        entity: str | None = None,
        alerts: tuple[str, Codec] | None = None,
        *,
        rivals: bool = False,
    ) -> None:
        self._name = name
        self._encode = codec.encode
        self._decider = decider
        self._entity = entity
        self._alerts = alerts
        self._rivals = rivals

    def save(self) -> None:
        """Put what has changed into the state."""
        if self._decider is not None:
            self._decider.save()

    def publish(self, said: Sequence[Said], outputs: Outputs) -> None:
        """Add predictions and alerts to ``outputs``; each of ``said`` gets its decision."""
        for one, decision in zip(said, self._decisions(said), strict=True):
            model = ModelVersion(self._name, one.version)
            event = one.event
            one.decision = decision.decision if decision else None
            prediction = Prediction(
                event.id,
                one.prediction,
                one.score,
                model,
                event.source,
                one.decision,
                decision.threshold if decision else None,
                one.reasons,
                one.rivals if self._rivals else None,
            )
            outputs.predictions.append((event.key, self._encode(prediction)))
            is_first = decision is not None and one.decision == "alert" and not decision.again
            if is_first and self._alerts is not None:
                outputs.others.append(self._alert(one, prediction, *self._alerts))

    def _decisions(self, said: Sequence[Said]) -> Sequence[Decision | None]:
        if self._decider is None:
            return [None] * len(said)
        times = [one.event.time for one in said]
        return self._decider.decide(times, list(map(self._who, said)), [one.score for one in said])

    def _who(self, one: Said) -> Any:
        return None if self._entity is None else one.event.fields.get(self._entity)

    def _alert(self, one: Said, said: Prediction, topic: str, codec: Codec) -> Outgoing:
        event = one.event
        alert = Alert(
            id=event.id,
            time=event.time,
            entity=self._who(one),
            score=said.score,
            threshold=said.threshold,
            reasons=said.reasons,
            model=said.model,
            source=said.source,
            event=event.fields,
        )
        return Outgoing(topic, event.key, _encoded(alert, codec), timestamp=event.time)


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
