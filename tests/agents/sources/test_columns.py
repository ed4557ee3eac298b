"""Events and labels read as columns are those that are read one by one."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
from confluent_kafka import Message

from agents.events.found_fields import FieldScanner
from agents.labels.join import LabelJoin
from agents.labels.reader import LabelFields, LabelReader
from agents.labels.settings import JoinSettings
from agents.operations import CORRECT, EVENT, LEARN, Operations
from agents.rejected import Rejected
from agents.sources import columns
from agents.sources.decode import DecodeSource
from agents.state import State
from learners.engine import kernels
from learners.labels import check_label
from topics.codecs import Codec
from topics.records import Batch, Record

pytestmark = pytest.mark.skipif(kernels.njit is None, reason="Numba is not installed")
FORMATS = ["json", "msgpack"]
ASKED = ("card", "amount", "note", "fraud", "absent")


def record(topic: str, offset: int, value: bytes | None, time: int) -> Any:
    return Message(
        topic=topic,
        partition=0,
        offset=offset,
        key=b"k",
        value=value,
        headers=[],
        timestamp=(1, time),
    )


def event(draw: random.Random, n: int) -> dict[str, Any]:
    """One that a scanner finds everything of."""
    amount = draw.choice([draw.gauss(0, 100), draw.randrange(-300, 70_000), 2**58, True])
    card = draw.choice([f"c{n % 7}", f"{'long-' * 10}{n % 7}", draw.randrange(9)])
    made = {"id": draw.choice([n, f"e-{n}"]), "card": card, "amount": amount, "note": "text"}
    if draw.random() < 0.2:
        made["note"] = draw.choice([None, False, 1.5])
    return made


def odd(draw: random.Random, made: dict[str, Any]) -> None:
    """Make it one that must be looked at by itself."""
    made[draw.choice(list(made))] = draw.choice([None, [1], {"a": 1}, "ü", 10**15 + 0.5, 2**63])


def some_records(draw: random.Random, format_: str, count: int, share: float) -> Iterator[Record]:
    """Events, and labels of earlier ones; this share of both is odd."""
    encode = json.dumps if format_ == "json" else msgspec.msgpack.encode
    ids: list[Any] = []
    for n in range(count):
        labels = bool(ids) and draw.random() < 0.5
        if labels:
            made = {"id": draw.choice(ids[-50:]), "fraud": draw.choice([True, False])}
            made["by"] = draw.choice(["bank", "desk"])
        else:
            made = event(draw, n)
            ids.append(made["id"])
        if draw.random() < share:
            odd(draw, made)
        value = encode(made)
        yield record(
            "labels" if labels else "events",
            n,
            value if isinstance(value, bytes) else value.encode(),
            1_000 + 10 * n,
        )


def source(format_: str, state: State, *, joins: bool, keep: tuple[str, ...]) -> DecodeSource:
    codec = Codec(format_)
    if not joins:
        return DecodeSource(codec, "id")

    def check(label: Any) -> Any:
        return check_label("binary", label)

    settings = JoinSettings(1_500, label="fraud", keep=keep, max_waiting=200)
    reader = LabelReader(codec, LabelFields("id", "fraud", "by", {"bank": 3}), check)
    return DecodeSource(codec, "id", ("labels", reader, LabelJoin(settings, state, check)))


def seen(operations: Operations, rejected: list[Rejected]) -> list[Any]:
    """All that may be asked, as text: -0.0 is not 0.0, and True not 1."""
    rows = range(len(operations))
    at = np.arange(len(operations))
    columns_ = [list(operations.column(name, at)) for name in ASKED]
    more = operations.take(at[::2])
    return list(
        map(
            repr,
            [
                operations.kinds.tolist(),
                operations.times.tolist(),
                operations.event_times.tolist(),
                list(operations.ids),
                operations.labels,
                operations.befores,
                operations.weights,
                operations.places.tolist(),
                columns_,
                [list(more.column(name, np.arange(len(more)))) for name in ASKED],
                [operations.fields(i) for i in rows],
                [r.offset() for r in operations.causes],
                [r.offset() for r in operations.records],
                [(r.record.offset(), r.stage, str(r.error)) for r in rejected],
            ],
        )
    )


def entries(state: State) -> dict[str, Any]:
    return {key: state.get(key) for key in state}


@pytest.mark.parametrize("share", [0.0, 0.001], ids=["plain", "some odd"])
@pytest.mark.parametrize("keep", [(), ("card",), ("card", "amount")])
@pytest.mark.parametrize("joins", [True, False], ids=["with labels", "events alone"])
@pytest.mark.parametrize("format_", FORMATS)
def test_both_ways_read_the_same(
    format_: str, joins: bool, keep: tuple[str, ...], share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(f"{format_}{joins}{keep}{share}")
    came = [r for r in some_records(draw, format_, 1_500, share) if joins or r.topic() == "events"]
    fast, slow = State(), State()
    by_columns = source(format_, fast, joins=joins, keep=keep)
    by_one = source(format_, slow, joins=joins, keep=keep)
    at_once, first = 0, 0
    while first < len(came):
        last = first + draw.choice([1, 40, 200])
        batch = Batch(
            "events", 0, came[first:last], places=list(range(first, min(last, len(came))))
        )
        found = by_columns.read(batch)
        at_once += hasattr(found[0].came, "take")
        with monkeypatch.context() as patched:
            patched.setattr(columns, "FEW", 10**9)
            reference = by_one.read(batch)
        assert seen(*found) == seen(*reference)
        by_columns.save()
        by_one.save()
        assert entries(fast) == entries(slow)
        first = last
    assert at_once > 2  # else nothing was tried


@pytest.mark.parametrize("format_", FORMATS)
def test_a_batch_may_have_events_or_labels_alone(format_: str) -> None:
    came = list(some_records(random.Random(2), format_, 120, 0.0))
    reads = source(format_, State(), joins=True, keep=("card",))
    kinds = []
    for topic in ("events", "labels"):
        batch = Batch("events", 0, [record for record in came if record.topic() == topic])
        operations, rejected = reads.read(batch)
        assert not rejected
        assert operations.fields(0)["card"]
        kinds.append(set(operations.kinds.tolist()))
    assert kinds == [{EVENT}, {LEARN, CORRECT}]


@pytest.mark.parametrize("format_", FORMATS)
def test_what_was_asked_for_is_at_hand_in_the_next_batch(format_: str) -> None:
    draw = random.Random(1)
    reads = source(format_, State(), joins=True, keep=("card",))
    came = list(some_records(draw, format_, 400, 0.0))
    first, _ = reads.read(Batch("events", 0, came[:200]))
    assert not first.looked_up
    first.column("card", first.events)
    following, _ = reads.read(Batch("events", 0, came[200:]))
    assert set(following.looked_up) == {"card"}


@pytest.mark.parametrize("format_", FORMATS)
def test_columns_have_the_values_of_the_decoder(format_: str) -> None:
    codec, names = Codec(format_), ("a", "b")
    columns_: list[list[Any]] = [
        [1, -2, 2**53 - 1],
        [1, 2**53, -(2**56)],
        [1.5, -0.0, 1e300],
        [1, 1.5, 3],
        [True, False, True],
        [None, None, None],
        ["x", "", "x" * 31],
        ["x" * 32, "y" * 255, "z" * 256],
        ["x", None, 1],
    ]
    for column in columns_:
        values = [codec.encode({"a": value, "b": 1}) for value in column]
        found = FieldScanner(format_, codec.decode).scan(values, names)
        assert found is not None
        assert repr(found.column("a").tolist()) == repr(column)
        assert found.are_bools("a") == all(type(v) is bool for v in column)
        assert found.is_plain("a") == (None not in column)
        assert found.are_ids("a") == all(type(v) in (int, str) for v in column)
        if found.are_ids("a"):
            texts = found.as_json("a")
            spans = [texts.data[i:j].tobytes() for i, j in texts.spans.tolist()]
            assert spans == [msgspec.json.encode(v) for v in column]
