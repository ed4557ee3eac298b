"""What goes from one stage to the next comes out there as it went in."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import Message

from agents.errors import InvalidEvent
from agents.ops import Event, Label
from agents.relay import Relay, RelayReader
from topics.codecs import Codec
from topics.records import Source


def record(value: bytes = b"{}", topic: str = "cards") -> Any:
    return Message(
        topic=topic, partition=3, offset=7, key=b"k", value=value, timestamp=(1, 5), headers=[]
    )


def event(**fields: Any) -> Event:
    return Event("e", 5, {"shop": "s", **fields}, None, b"k", Source("cards", 3, 7), record())


def label() -> Label:
    fields = {"shop": "s", "fraud": True}
    return Label("e", 9, 5, "correct", True, False, 2, fields, record(topic="labels"))


def through(op: Event | Label) -> Any:
    (sent,) = Relay("inner", "shop").records([op], [9])
    assert (sent.topic, sent.key, sent.place) == ("inner", b"s", 9)
    (got,) = RelayReader(Codec("json")).read(record(sent.value or b"", "inner"), [])
    return got


@pytest.mark.parametrize("value", [1.5, "text", [1, {"a": None}], 10**30, {"deep": [2**64]}])
def test_an_event_arrives_as_it_was(value: Any) -> None:
    sent = event(more=value)
    got = through(sent)
    assert (got.id, got.time, got.fields, got.key) == (sent.id, 5, sent.fields, b"k")
    assert got.source == sent.source
    at = got.record
    assert (at.topic(), at.partition(), at.offset(), at.key()) == ("cards", 3, 7, b"k")


def test_a_label_arrives_as_it_was() -> None:
    sent, got = label(), through(label())
    for name in ("id", "time", "event_time", "kind", "label", "before", "weight", "fields"):
        assert getattr(got, name) == getattr(sent, name)
    at = got.record
    assert (at.topic(), at.partition(), at.offset(), at.key()) == ("labels", 3, 7, b"k")


@pytest.mark.parametrize("value", [None, 1.5, True, ["s"], 2**64, "s" * 10_001])
def test_what_cannot_key_a_record_is_told(value: Any) -> None:
    with pytest.raises(InvalidEvent, match="shop: expected a text or an integer"):
        Relay("inner", "shop").check(event(shop=value))
