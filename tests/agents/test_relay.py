"""What goes from one stage to the next comes out there as it went in."""

from __future__ import annotations

from collections.abc import Callable
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


def by_kafka(op: Event | Label) -> Any:
    """Written, and read by the next stage."""
    (handed,) = Relay("inner", "shop").hand([op], [record()], [9])
    sent = handed.outgoing()
    assert (sent.topic, sent.key, sent.place) == ("inner", b"s", 9)
    (got,) = RelayReader(Codec("json")).read(record(sent.value or b"", "inner"), [])
    return got


def at_once(op: Event | Label) -> Any:
    """Given to the next stage as it is."""
    (handed,) = Relay("inner", "shop").hand([op], [record()], [9])
    (got,) = RelayReader(Codec("json")).read(handed, [])
    return got


WAYS = pytest.mark.parametrize("through", [by_kafka, at_once])


@WAYS
@pytest.mark.parametrize("value", [1.5, "text", [1, {"a": None}], 10**30, {"deep": [2**64]}])
def test_an_event_arrives_as_it_was(value: Any, through: Callable[[Any], Any]) -> None:
    sent = event(more=value)
    got = through(sent)
    assert (got.id, got.time, got.fields, got.key) == (sent.id, 5, sent.fields, b"k")
    assert got.source == sent.source
    at = got.record
    assert (at.topic(), at.partition(), at.offset(), at.key()) == ("cards", 3, 7, b"k")


@WAYS
def test_a_label_arrives_as_it_was(through: Callable[[Any], Any]) -> None:
    sent, got = label(), through(label())
    for name in ("id", "time", "event_time", "kind", "label", "before", "weight", "fields"):
        assert getattr(got, name) == getattr(sent, name)
    at = got.record
    assert (at.topic(), at.partition(), at.offset(), at.key()) == ("labels", 3, 7, b"k")


@pytest.mark.parametrize("value", [None, 1.5, True, ["s"], 2**64, "s" * 10_001])
def test_what_cannot_key_a_record_is_told(value: Any) -> None:
    with pytest.raises(InvalidEvent, match="shop: expected a text or an integer"):
        Relay("inner", "shop").check(event(shop=value))


def test_what_is_handed_on_has_the_coordinates_of_the_record_that_it_happens_by() -> None:
    (handed,) = Relay("inner", "shop").hand([label()], [record(topic="cause")], [9])
    assert (handed.topic(), handed.partition(), handed.offset()) == ("cause", 3, 7)
    assert (handed.key(), handed.value()) == (b"s", handed.outgoing().value)
    assert (handed.timestamp(), handed.headers()) == ((1, 9), [])
