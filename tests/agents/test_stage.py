"""What a stage sends on has the place of the record that it happens by."""

from __future__ import annotations

import json
from typing import Any

import pytest
from confluent_kafka import Message

from agents.agent import Agent
from agents.dead_letter_format import DeadLetterFormat
from agents.entities.entities import Entities
from agents.sinks.forward import Forward
from agents.sources.decode import DecodeSource
from agents.state import State
from topics.codecs import Codec
from topics.records import Batch


def record(offset: int, **fields: Any) -> Any:
    """An event as Kafka hands it out."""
    value = json.dumps({"id": offset, **fields}).encode()
    return Message(topic="events", partition=0, offset=offset, value=value, timestamp=(1, 5))


@pytest.mark.parametrize(("places", "expected"), [([3, 4, 8, 9], [3, 8, 9]), (None, [0, 0, 0])])
def test_what_is_sent_on_has_the_place_of_its_record(
    places: list[int] | None, expected: list[int]
) -> None:
    source, sink = (
        DecodeSource(Codec("json"), "id"),
        Forward("inner", "shop", DeadLetterFormat(Codec("json"))),
    )
    agent = Agent(source, Entities([], State()), sink, "letters")
    records = [record(0, shop=1), record(1), record(2, shop=1), record(3, shop=2)]
    outputs = agent.process(Batch("events", 0, records, places=places), {})
    assert outputs.forwarded is not None
    assert outputs.forwarded.operations.places.tolist() == expected
    assert len(outputs.dead_letters) == 1
