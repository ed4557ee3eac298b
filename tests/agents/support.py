"""What the tests of the agents share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from confluent_kafka import Message

from agents.events.fields import EventFields
from agents.events.reader import EventReader
from agents.outputs import Outputs
from agents.score import Score
from learners import registry
from learners.model import Model
from topics.codecs import Codec
from topics.dead_letters import Reason, reason
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


def score(model: Model | None = None, fields: EventFields = FIELDS, codec: str = "json") -> Score:
    """The agent under test."""
    model = model or registry.create("passive_aggressive", {})
    return Score("p", model, EventReader(Codec(codec), fields, model), Codec("json"), "letters")


def reasons(outputs: Outputs) -> list[Reason]:
    """Why the events of a batch were set aside."""
    return [reason(letter.headers or []) for letter in outputs.dead_letters]


def predictions(outputs: Outputs) -> list[dict[str, Any]]:
    """The predictions of a batch."""
    return [json.loads(value) for _, value in outputs.predictions]
