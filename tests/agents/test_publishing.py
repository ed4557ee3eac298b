"""Predictions tell what they are asked to tell."""

import json

import pytest
from confluent_kafka import Message

from agents.ops import Event
from agents.outputs import Outputs
from agents.publishing import Publisher, Said
from topics.codecs import Codec
from topics.records import Source


def event() -> Event:
    record = Message(topic="cards", partition=0, offset=7, key=b"k", value=b"{}")
    return Event("e", 1_000, {}, None, b"k", Source("cards", 0, 7), record)


@pytest.mark.parametrize("told", [False, True])
def test_a_prediction_tells_what_the_rivals_said_if_it_is_asked_to(told: bool) -> None:
    outputs, rivals = Outputs(), {"frozen": 0.25, "rule": None}
    publisher = Publisher("p", Codec("json"), rivals=told)
    publisher.publish([Said(event(), True, 0.75, 3, rivals=rivals)], outputs)
    prediction = json.loads(outputs.predictions[0][1])
    assert prediction.get("rivals") == (rivals if told else None)
    assert ("rivals" in prediction) is told
