"""The compiled reader and the decoder that takes everything give the same columns."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from agents.events import reader, scanner
from agents.events.fields import EventFields
from agents.events.limits import MAX_TEXT
from agents.events.reader import EventReader, Events, Failure
from learners import registry
from learners.engine import kernels
from learners.engine.rows import Rows
from tests.agents.support import records
from topics.codecs import Codec

compiled = pytest.mark.skipif(kernels.njit is None, reason="Numba is not installed")
NAMES = ("a", "b_long_name", "c")


@pytest.fixture(autouse=True)
def _even_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled way for batches of any size."""
    monkeypatch.setattr(reader, "FEW", 0)


NUMBERS: list[Callable[[random.Random], Any]] = [
    lambda draw: draw.gauss(0, 1),
    lambda draw: round(draw.gauss(0, 1e4), 2),
    lambda draw: draw.randrange(-1000, 1000),
    lambda draw: draw.choice([True, False]),
    lambda draw: draw.choice([0, -0.0, 0.0, 2**53 + 1, -(2**63), 2**64 - 1, 1e300, 5e-324]),
    lambda draw: draw.choice([127, 128, 255, 256, 65_535, 65_536, -32, -33, -128, -129, -32_769]),
]
ODD: list[Callable[[random.Random], Any]] = [
    lambda draw: draw.choice([None, "x", "", [], {}, [1], {"d": 1}, 10**25, float("inf")]),
    lambda draw: draw.choice(
        ["ü", 'a"b', "back\\slash", "line\nfeed", "\x7f", "x" * 40, "x" * 300]
    ),
]
RAW = [
    b"", b"{", b"{}", b"[]", b"null", b'{"a":01,"b_long_name":1,"c":1}',
    b'{"a":1.,"b_long_name":1,"c":1}', b'{"a":.5,"b_long_name":1,"c":1}',
    b'{"a":-,"b_long_name":1,"c":1}', b'{"a":+1,"b_long_name":1,"c":1}',
    b'{"a":1e,"b_long_name":1,"c":1}', b'{"a":1e5,"b_long_name":1E-2,"c":1.5e+3,"id":1}',
    b'{"a":1,"b_long_name":1,"c":1,"id":1,}', b'{"a":1,"b_long_name":1,"c":1,"id":1} x',
    b' {\t"a" : 1 ,\r\n"b_long_name":1, "c":1,"id": "i" , "y":true } \n',
    b'{"a":1,"a":2,"b_long_name":1,"c":1,"id":1}', b'{"a":"x","a":2,"b_long_name":1,"c":1,"id":1}',
    b'{"a":-0,"b_long_name":-0.0,"c":0,"id":-0}', b'{"a":1,"b_long_name":1,"c":1,"id":1.0}',
    b'{"a":1 "b_long_name":1,"c":1}', b'{"a":tru,"b_long_name":1,"c":1}', b'{"a":1,"b_long_name":1',
    b'{"a":12345678901234567890123,"b_long_name":0.000000000000000000000000123,"c":1,"id":1}',
    b'{"a":0.30000000000000004,"b_long_name":1.7976931348623157e308,"c":1e400,"id":1}',
    b'{"":5,"a":1,"b_long_name":1,"c":1,"id":1}',
    b'{"id":9223372036854775808,"a":1,"b_long_name":2,"c":3}',
    b'{"id":12345678901234567890123,"a":1,"b_long_name":2,"c":3}', b"\xff", b'{"a\xff":1}',
]  # fmt: skip


def any_event(draw: random.Random) -> dict[str, Any]:
    """Mostly good; fields come and go, in any order."""
    event: dict[str, Any] = {"id": draw.choice([draw.randrange(10**9), f"e-{draw.random()}"])}
    event["y"] = draw.choice([True, False, True, False, None, 0, 1, 1.0, 2, "yes"])
    event |= {name: draw.choice(NUMBERS)(draw) for name in NAMES}
    event["more"] = draw.choice(["text", "text", 1, None])
    if draw.random() < 0.3:
        event[draw.choice(["id", "y", "more", *NAMES])] = draw.choice(ODD)(draw)
    if draw.random() < 0.1:
        del event[draw.choice(list(event))]
    if draw.random() < 0.3:
        items = list(event.items())
        draw.shuffle(items)
        event = dict(items)
    return event


def encoded(draw: random.Random, format_: str, event: dict[str, Any]) -> bytes:
    if format_ == "json":
        spaces = draw.choice([None, (", ", ": ")])
        return json.dumps(event, separators=spaces, ensure_ascii=draw.random() < 0.5).encode()
    try:
        return msgspec.msgpack.encode(event)
    except OverflowError:
        return b"\xc1"


def both(
    monkeypatch: pytest.MonkeyPatch, format_: str, fields: EventFields, learner: str, values: Any
) -> list[tuple[Events, list[Failure]]]:
    """What the reader gives with the scanner, and without."""
    given = []
    for can in (scanner.Scanner.can, lambda names: False):
        monkeypatch.setattr(scanner.Scanner, "can", staticmethod(can))
        model = registry.create(learner)
        given.append(EventReader(Codec(format_), fields, model).read(records(values)))
    return given


def cells(rows: Any) -> list[dict[str, str]]:
    assert isinstance(rows, Rows)
    return [{k: v.hex() for k, v in sorted(x.items())} for x in rows.to_dicts()]


def assert_equal(found: list[tuple[Events, list[Failure]]]) -> None:
    (fast, fast_failures), (slow, slow_failures) = found
    assert fast.index == slow.index
    assert list(fast.ids) == list(slow.ids)
    assert list(map(type, fast.ids)) == list(map(type, slow.ids))
    assert fast.labels == slow.labels
    assert list(map(type, fast.labels)) == list(map(type, slow.labels))
    assert cells(fast.rows) == cells(slow.rows)
    told = [
        sorted((f.index, f.stage, str(f.error)) for f in fs)
        for fs in (fast_failures, slow_failures)
    ]
    assert told[0] == told[1]


@compiled
@pytest.mark.parametrize("learner", ["passive_aggressive", "linear_regression", "k_means",
                                     "passive_aggressive_multiclass"])  # fmt: skip
@pytest.mark.parametrize("features", [NAMES, None])
@pytest.mark.parametrize("format_", ["json", "msgpack"])
def test_the_columns_are_those_of_the_decoder(
    monkeypatch: pytest.MonkeyPatch, format_: str, features: Any, learner: str
) -> None:
    draw = random.Random(f"{format_}{features}{learner}")
    for size in (1, 3, 40, 400):
        values: list[Any] = [encoded(draw, format_, any_event(draw)) for _ in range(size)]
        if format_ == "json" and size > 3:
            values += draw.sample(RAW, 10)
            draw.shuffle(values)
        found = both(monkeypatch, format_, EventFields("id", "y", features), learner, values)
        assert_equal(found)


@compiled
@pytest.mark.parametrize("value", RAW)
@pytest.mark.parametrize("features", [NAMES, None])
def test_what_is_malformed_is_left_to_the_decoder(
    monkeypatch: pytest.MonkeyPatch, value: bytes, features: Any
) -> None:
    good = b'{"id":1,"y":true,"a":1,"b_long_name":2,"c":3}'
    fields = EventFields("id", "y", features)
    found = both(monkeypatch, "json", fields, "passive_aggressive", [good, value, good])
    assert_equal(found)
    assert {0, 2} <= set(found[0][0].index)


@compiled
@pytest.mark.parametrize("format_", ["json", "msgpack"])
def test_bytes_at_random_are_read_as_the_decoder_reads_them(
    monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    draw = random.Random(format_)
    values = []
    for _ in range(3_000):
        value = bytearray(encoded(draw, format_, any_event(draw)))
        for _ in range(draw.randrange(3)):
            value[draw.randrange(len(value))] = draw.randrange(256)
        values.append(bytes(value[: draw.randrange(len(value))] if draw.random() < 0.1 else value))
    fields = EventFields("id", "y", NAMES)
    assert_equal(both(monkeypatch, format_, fields, "passive_aggressive", values))


@compiled
@pytest.mark.parametrize("format_", ["json", "msgpack"])
def test_most_events_take_the_compiled_way(format_: str) -> None:
    draw = random.Random(3)
    events = [
        {"id": i, "y": draw.random() < 0.5, "place": "Rome", **{n: draw.random() for n in NAMES}}
        for i in range(100)
    ]
    made = scanner.Scanner(format_, Codec(format_).decode, NAMES, "id", "y", closed=False)
    found = made.scan([encoded(draw, format_, event) for event in events])
    assert found.read.tolist() == list(range(100))
    assert found.matrix.tolist() == [[event[n] for n in NAMES] for event in events]
    assert found.flags == [event["y"] for event in events]
    assert found.ids is not None
    assert (found.ids[7], list(found.ids[8:10])) == (7, [8, 9])


@compiled
def test_an_id_that_is_too_long_is_left_to_the_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [
        json.dumps({"id": "x" * n, "y": True, "a": 1}).encode() for n in (MAX_TEXT, MAX_TEXT + 1)
    ]
    found = both(monkeypatch, "json", EventFields("id", "y", ("a",)), "passive_aggressive", values)
    assert_equal(found)
    assert found[0][0].index == [0]


def test_names_that_json_may_spell_in_several_ways_are_not_looked_for() -> None:
    assert not scanner.Scanner.can(("größe",))
    assert not scanner.Scanner.can(('a"b',))
    assert not scanner.Scanner.can(("",))


@compiled
def test_rows_of_both_ways_are_put_together_by_name() -> None:
    rows = Rows(("a", "b"), np.array([[1.0, 2.0]])).with_more(
        Rows(("b", "c"), np.array([[3.0, 4.0]]))
    )
    assert rows.to_dicts() == [{"a": 1.0, "b": 2.0}, {"b": 3.0, "c": 4.0}]
