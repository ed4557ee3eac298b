"""What goes from one stage to the next comes out there as it went in."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from confluent_kafka import Message

from agents.blocks import LARGEST_BLOCK
from agents.dead_letter_format import DeadLetterFormat
from agents.field_columns import FieldShape, FieldShapes
from agents.forwarded import Forwarded, outgoing
from agents.forwarded_block import BlockRefused, OperationBlock, head_of
from agents.operations import KINDS, Operations
from agents.sinks.forward import Forward
from agents.sources.forwarded import ForwardedSource
from tests.agents.one_by_one import Event, Label, Op, batch, one_by_one
from topics.codecs import Codec
from topics.records import Batch, Source

LETTERS = DeadLetterFormat(Codec("json"), (Codec("json"), "event", "fraud"))


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
    (sent,) = outgoing("inner", 4, forwarded(ops).operations)
    assert (sent.topic, sent.key, sent.partition, sent.place) == ("inner", None, 4, 0)
    records = [record(sent.value or b"", "inner")]
    got, rejected = ForwardedSource(LETTERS).read(Batch("inner", 0, records))
    assert not rejected
    return got


def at_once(ops: Sequence[Op]) -> Operations:
    """Given to the next stage as it is."""
    return forwarded(ops).operations


def one_by_one_by_kafka(ops: Sequence[Op]) -> Operations:
    """As `by_kafka`, each as a record of its own."""
    sent = list(outgoing("inner", 4, forwarded(ops).operations, most=1))
    assert [one.place for one in sent] == list(range(len(ops)))
    records = [record(one.value or b"", "inner") for one in sent]
    got, rejected = ForwardedSource(LETTERS).read(Batch("inner", 0, records))
    assert not rejected
    return got


WAYS = pytest.mark.parametrize("through", [by_kafka, one_by_one_by_kafka, at_once])
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


def value_of(*ops: Op, **changes: Any) -> bytes:
    """A block, some of whose columns are others."""
    columns = OperationBlock.of(forwarded(ops).operations)
    for name, column in changes.items():
        setattr(columns, name, column)
    return columns.encode()


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "it begins otherwise"),
        (b"", "it begins otherwise"),
        (b"no operation", "it begins otherwise"),
        (b"ops", "it begins otherwise"),
        (value_of(event(a=1))[:-1], "truncated"),
        (value_of(event(a=1), ids=[]), "its columns are not of one length"),
        (value_of(event(a=1), raw=[None, None]), "its columns are not of one length"),
        (value_of(event(), fields=FieldShapes([], [0])), "its columns are not of one length"),
        (
            value_of(event(), fields=FieldShapes([FieldShape(("a",), [b"7"])], [0])),
            "not of one length",
        ),
        (value_of(event(), label(), kinds=b"\0\7"), "operation 1 of 2 has no kind 7"),
        (value_of(event(), label(), topic_of=b"\2\1"), "operation 0 of 2 has no topic 2"),
        (
            value_of(event(), label(), keys=[b"", 3]),
            "Expected `bytes | null`, got `int` - at `$[11",
        ),
        (value_of(event())[:4] + b"\2" + value_of(event())[5:], "it has not 2 operations"),
    ],
)
def test_a_record_that_no_stage_has_written_is_set_aside_alone(
    value: bytes | None, why: str
) -> None:
    good = value_of(event(a=1))
    bad = Message(topic="inner", partition=3, offset=7, value=value, timestamp=(1, 5))
    records = [record(good, "inner"), bad, record(good, "inner")]
    got, rejected = ForwardedSource(LETTERS).read(Batch("inner", 0, records, places=[4, 5, 6]))
    assert [one.fields for one in one_by_one(got)] == [event(a=1).fields] * 2
    assert got.places.tolist() == [4, 6]
    ((what, stage, error),) = rejected
    assert (what, stage) == (bad, "decode")
    assert str(error).startswith("no block of the stage before: ")
    assert why in str(error)


OF_LAYOUT_1 = [
    msgspec.msgpack.encode([0, "e", 5, {"a": 1}, b"k", ["cards", 3, 7]]),
    msgspec.msgpack.encode([1, "e", 9, 5, "learn", True, None, 1, {}, b"k", ["labels", 3, 7]]),
    msgspec.msgpack.encode([2, "e", 9, True, 1, b"k", b"{}", [], ["labels", 3, 7]]),
    msgspec.json.encode([0, 10**20, 5, {"a": 1}, None, ["cards", 3, 7]]),
]


@pytest.mark.parametrize(
    ("value", "layout"), [*((value, 1) for value in OF_LAYOUT_1), (b"ops\3" + bytes(12), 3)]
)
def test_a_record_of_another_layout_is_refused_with_its_place(value: bytes, layout: int) -> None:
    batch = Batch("inner", 3, [record(value, "inner")])
    with pytest.raises(BlockRefused, match=rf"^inner\[3\]@7: .* of layout {layout}; .* layout 2\."):
        ForwardedSource(LETTERS).read(batch)


def many(count: int, seed: int) -> list[Op]:
    """Events and labels with fields of many kinds, in several shapes."""
    draw = random.Random(seed)
    values: list[Callable[[], Any]] = [
        lambda: draw.random(), lambda: draw.randint(-9, 9), lambda: draw.choice("ab"),
        lambda: None, lambda: draw.random() < 0.5, lambda: [draw.random(), {"x": 1}],
    ]  # fmt: skip
    shapes = [("a", "b"), ("b", "a"), (), ("a", "b", "c"), ("more",)]
    ops: list[Op] = []
    for n in range(count):
        fields = {name: draw.choice(values[: n % 6 + 1])() for name in draw.choice(shapes)}
        came = record(topic=draw.choice(["cards", "others"]))
        if draw.random() < 0.5:
            ops.append(Event(n, 5 + n, {"shop": "s", **fields}, None, came))
        else:
            kind = draw.choice(KINDS)
            fields = {"shop": "s", **fields}
            ops.append(Label(str(n), n, 5, kind, draw.random(), None, 1, fields, came))
    return ops


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("most", [None, 1, 7])
def test_blocks_of_any_size_are_read_as_one_batch(seed: int, most: int | None) -> None:
    ops = many(60, seed)
    given = forwarded(ops).operations
    given.add("added", given.events, np.random.default_rng(seed).random(len(given.events)))
    given.add("a", given.events, 0.5)  # some events had one already
    sent = list(outgoing("inner", 0, given, most=most))
    assert len(sent) == -(-60 // (most or 60))
    records = [record(one.value or b"", "inner") for one in sent]
    got, _ = ForwardedSource(LETTERS).read(Batch("inner", 0, records))
    for one, other in zip(one_by_one(got), one_by_one(given), strict=True):
        assert list(one.fields.items()) == list(other.fields.items())
        assert [type(value) for value in one.fields.values()] == [
            type(value) for value in other.fields.values()
        ]
        assert Source.of(one.record) == Source.of(other.record)
        one.record = other.record
        assert one == other
    for at in (got.events, np.arange(60), np.arange(0)):
        for name in ("a", "b", "added", "nobody"):
            one_column, other_column = got.column(name, at), given.column(name, at)
            assert list(one_column) == list(other_column)


def test_a_record_between_two_stages_has_a_bounded_size() -> None:
    ops = [event(text="x" * 10_000) for _ in range(200)]
    sent = list(outgoing("inner", 0, forwarded(ops).operations))
    sizes = [len(one.value or b"") for one in sent]
    assert max(sizes) <= LARGEST_BLOCK < sum(sizes)
    assert [one.place for one in sent] == sorted({one.place for one in sent})
    assert sum(head_of(one.value).size for one in sent) == 200


@pytest.mark.parametrize("seed", range(5))
def test_no_record_has_operations_from_both_sides_of_a_mark(seed: int) -> None:
    draw = random.Random(seed)
    times = [draw.randint(0, 60) for _ in range(40)]
    ops = [Event(n, time, {"shop": "s"}, None, record()) for n, time in enumerate(times)]
    sent = list(outgoing("inner", 0, forwarded(ops).operations, span=7))
    heads, first, latest = [head_of(one.value) for one in sent], 0, 0
    for head in heads:
        here = times[first : first + head.size]
        assert head.latest == max(here)
        marks = {max(latest, *here[: n + 1]) // 7 for n in range(len(here))}
        assert len(marks) == 1
        first, latest = first + head.size, max(latest, *here)
    assert first == 40
