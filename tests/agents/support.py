"""What the tests of the agents share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from confluent_kafka import Message

from agents.agent import Agent
from agents.entities.entities import Entities
from agents.events.features import FeatureReader
from agents.events.fields import EventFields
from agents.events.functions import Functions
from agents.events.reader import EventReader
from agents.outputs import Outputs
from agents.sinks.publish import Publisher
from agents.sinks.score import Score
from agents.sources.features import FeatureSource
from agents.state import State
from learners import registry
from learners.model import Model
from topics.codecs import Codec
from topics.dead_letters import DeadLetterReason, reason
from topics.records import Batch

FIELDS = EventFields("id", "fraud", ("amount", "night"))


def records(values: Sequence[bytes | None], first: int = 0) -> list[Any]:
    """Records as Kafka hands them out, at offsets from ``first``."""
    return [
        Message(
            topic="cards",
            partition=1,
            offset=first + i,
            key=b"key-%d" % (first + i),
            value=value,
            headers=[("trace", b"t")],
            timestamp=(1, 1_000 + i),
        )
        for i, value in enumerate(values)
    ]


def batch(values: Sequence[bytes | None], first: int = 0) -> Batch:
    """A batch of the partition ``cards[1]``."""
    return Batch("cards", 1, records(values, first))


def event(id_: Any = "e", amount: Any = 1.0, night: Any = 0.0, **more: Any) -> bytes:
    """An event as JSON."""
    return json.dumps({"id": id_, "amount": amount, "night": night, **more}).encode()


class PlainAgent(Agent):
    """The agent of a pipeline whose events bring all features and their labels."""

    @property
    def model(self) -> Model:
        """What learns here."""
        model = super().model
        assert model is not None
        return model


def score(
    model: Model | None = None, fields: EventFields = FIELDS, codec: str = "json"
) -> PlainAgent:
    """The agent under test."""
    model = model or registry.create("passive_aggressive", {})
    reader = EventReader(Codec(codec), fields, model)
    features = FeatureReader(reader, fields, model)
    publisher = Publisher("p", Codec("json"))
    sink = Score(model, features, Functions([]), None, publisher, None)
    return PlainAgent(FeatureSource(Codec(codec), reader), Entities([], State()), sink, "letters")


def reasons(outputs: Outputs) -> list[DeadLetterReason]:
    """Why the events of a batch were set aside."""
    return [reason(letter.headers or []) for letter in outputs.dead_letters]


def predictions(outputs: Outputs) -> list[dict[str, Any]]:
    """The predictions of a batch."""
    return [json.loads(value) for _, value in outputs.predictions]
