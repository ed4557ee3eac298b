"""What goes from one stage to the next comes out there as it went in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from confluent_kafka import Message

from agents.forwarded import Forwarded
from agents.operations import Letters, Operations
from agents.sinks.forward import Forward
from agents.sources.forwarded import ForwardedSource
from tests.agents.one_by_one import Event, Label, Op, batch, one_by_one
from topics.codecs import Codec
from topics.records import Batch

LETTERS = Letters(Codec("json"), (Codec("json"), "event", "fraud"))


def record(value: bytes = b"{}", topic: str = "cards") -> Any:
    return Message(
        topic=topic, partition=3, offset=7, key=b"k", value=value, timestamp=(1, 5), headers=[]
    )


def event(**fields: Any) -> Event:
    return Event("e", 5, {"shop": "s", **fields}, None, record())


def label() -> Label:
    fields = {"shop": "s", "fraud": True}
    return Label("e", 9, 5, "correct", True, False, 2, fields, record(topic="labels"))


def forwarded(ops: Sequence[Op], cause: str = "cards") -> Forwarded:
    outputs, rejected = Forward("inner", "shop", LETTERS).process(
        batch(ops, [record(topic=cause) for _ in ops]), {}
    )
    assert outputs.forwarded is not None
    assert not rejected
    return outputs.forwarded


def by_kafka(ops: Sequence[Op]) -> Operations:
    """Written, and read by the next stage."""
    sent = forwarded(ops).outgoing()
    assert [(one.topic, one.key, one.place) for one in sent] == [
        ("inner", b"s", place) for place in range(len(ops))
    ]
    records = [record(one.value or b"", "inner") for one in sent]
    got, rejected = ForwardedSource(LETTERS).read(Batch("inner", 0, records))
    assert not rejected
    return got


def at_once(ops: Sequence[Op]) -> Operations:
    """Given to the next stage as it is."""
    return forwarded(ops).operations


WAYS = pytest.mark.parametrize("through", [by_kafka, at_once])
Through = Callable[[Sequence[Op]], Operations]


@WAYS
@pytest.mark.parametrize("value", [1.5, "text", [1, {"a": None}], 10**30, {"deep": [2**64]}])
def test_an_event_arrives_as_it_was(value: Any, through: Through) -> None:
    sent = event(more=value)
    (got,) = one_by_one(through([sent]))
    assert isinstance(got, Event)
    assert (got.id, got.time, got.fields) == (sent.id, 5, sent.fields)
    at = got.record
    assert (at.topic(), at.partition(), at.offset(), at.key()) == ("cards", 3, 7, b"k")


@WAYS
def test_a_label_arrives_as_it_was(through: Through) -> None:
    sent, (got,) = label(), one_by_one(through([label()]))
    for name in ("id", "time", "event_time", "kind", "label", "before", "weight", "fields"):
        assert getattr(got, name) == getattr(sent, name)
    at = got.record
    assert (at.topic(), at.partition(), at.offset(), at.key()) == ("labels", 3, 7, b"k")


@WAYS
def test_the_dead_letter_of_a_later_stage_has_all_fields_of_its_event(through: Through) -> None:
    got = through([event(amount=2), label()])
    got.add("card_count_1d", got.events, 3.0)
    letters = [got.letter(i) for i in range(2)]
    assert [letter.value() for letter in letters] == [
        b'{"shop":"s","amount":2,"card_count_1d":3.0}',
        b'{"event":"e","fraud":true}',
    ]
    assert [(letter.topic(), letter.key(), letter.timestamp()) for letter in letters] == [
        ("cards", b"k", (1, 5)),
        ("labels", b"k", (1, 9)),
    ]
    assert [list(letter.headers()) for letter in letters] == [[], []]


@pytest.mark.parametrize("value", [None, 1.5, True, ["s"], 2**64, "s" * 10_001])
def test_what_cannot_key_a_record_is_set_aside(value: Any) -> None:
    kept, (rejected,) = Forward("inner", "shop", LETTERS).admit(batch([event(shop=value), event()]))
    assert (len(kept), rejected.stage) == (1, "validate")
    assert str(rejected.error).startswith("shop: expected a text or an integer")


def test_a_label_that_cannot_be_keyed_is_left_out() -> None:
    lost = label()
    lost.fields = {}
    kept, rejected = Forward("inner", "shop", LETTERS).admit(batch([lost, label()]))
    assert (len(kept), rejected) == (1, [])


def test_what_is_forwarded_keeps_the_record_by_which_it_happens() -> None:
    (cause,) = forwarded([label()], "cause").operations.causes
    assert (cause.topic(), cause.partition(), cause.offset()) == ("cause", 3, 7)


@pytest.mark.parametrize("value", [None, b"", b"no operation", b"\x93\x01\x02\x03", b"[7]"])
def test_a_record_that_no_stage_has_written_is_set_aside_alone(value: bytes | None) -> None:
    (good,) = forwarded([event(a=1)]).outgoing()
    bad = Message(topic="inner", partition=3, offset=7, value=value, timestamp=(1, 5))
    records = [record(good.value or b"", "inner"), bad, record(good.value or b"", "inner")]
    got, rejected = ForwardedSource(LETTERS).read(Batch("inner", 0, records))
    assert [one.fields for one in one_by_one(got)] == [event(a=1).fields] * 2
    assert got.places.tolist() == [0, 0]
    ((what, stage, error),) = rejected
    assert (what, stage) == (bad, "decode")
    assert str(error).startswith("no operation of the stage before: ")
