"""Avro values are read by the schema of their writer, and written in Confluent's wire format."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

pytest.importorskip("fastavro", reason="fastavro (the extra `avro`)")

import fastavro

from tests.registry import MemoryRegistry
from topics.avro import AvroCodec, schema_id
from topics.avro_schemas import PREDICTION
from topics.codecs import UNDECODABLE, decode_error
from topics.errors import DecodeError, EncodeError
from topics.records import ModelVersion, Prediction, Reason, Source

DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}


@pytest.fixture
def registry() -> MemoryRegistry:
    return MemoryRegistry()


def written(registry: MemoryRegistry, id_: int, fields: dict[str, Any]) -> bytes:
    """A value as another program writes it: by fastavro alone."""
    schema = registry.schema(id_)
    assert schema is not None
    registry.asked.clear()
    out = io.BytesIO(struct.pack(">BI", 0, id_))
    out.seek(0, io.SEEK_END)
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(schema), {}), fields)
    return out.getvalue()


def test_a_value_is_read_by_the_schema_that_it_names(registry: MemoryRegistry) -> None:
    first = registry.record("t-value", id="string", x="double")
    second = registry.record("t-value", id="string", x="double", y=["null", "long"])
    codec = AvroCodec("t", registry)
    values = [written(registry, first, {"id": "a", "x": 1.5})]
    values += [written(registry, second, {"id": "b", "x": 2.5, "y": n}) for n in (None, 3)]
    assert [codec.decode(value) for value in values] == [
        {"id": "a", "x": 1.5},
        {"id": "b", "x": 2.5, "y": None},
        {"id": "b", "x": 2.5, "y": 3},
    ]
    assert [schema_id(value) for value in values] == [1, 2, 2]


def test_each_schema_is_asked_for_once(registry: MemoryRegistry) -> None:
    value = written(registry, registry.record("t-value", x="double"), {"x": 1.0})
    codec = AvroCodec("t", registry)
    for _ in range(3):
        codec.decode(value)
    assert registry.asked == [1]


def test_logical_types_are_read_as_fields_use_them(registry: MemoryRegistry) -> None:
    times = {"type": "long", "logicalType": "timestamp-millis"}
    id_ = registry.record(
        "t-value",
        amount=["null", DECIMAL],
        count=DECIMAL | {"scale": 0},
        when=times,
        day={"type": "int", "logicalType": "date"},
        key={"type": "string", "logicalType": "uuid"},
        items={"type": "array", "items": DECIMAL},
    )
    said = {
        "amount": Decimal("12.34"),
        "count": Decimal(7),
        "when": 1_700_000_000_123,
        "day": 19_675,
        "key": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "items": [Decimal("0.10")],
    }
    found = AvroCodec("t", registry).decode(written(registry, id_, said))
    assert found == said | {"amount": 12.34, "count": 7, "items": [0.1]}
    assert type(found["count"]) is int


class Wanted(msgspec.Struct):
    id: str
    x: float


def test_a_type_is_checked_as_in_the_other_formats(registry: MemoryRegistry) -> None:
    decode: Callable[[bytes], Wanted] = AvroCodec("t", registry).decoder(Wanted)
    good = registry.record("t-value", id="string", x="double", more="int")
    assert decode(written(registry, good, {"id": "a", "x": 2.0, "more": 1})) == Wanted("a", 2.0)
    bad = registry.record("t-value", id="string", x="string")
    with pytest.raises(msgspec.ValidationError, match="Expected `float`"):
        decode(written(registry, bad, {"id": "a", "x": "2"}))


def broken(registry: MemoryRegistry) -> dict[str, tuple[bytes | None, str]]:
    good = written(registry, registry.record("t-value", s="string"), {"s": "text"})
    registry.register("u-value", '{"type": "nothing"}')
    return {
        "empty": (None, "the value is empty"),
        "no bytes": (b"", "no zero byte and schema id"),
        "JSON": (b'{"s": "text"}', "no zero byte and schema id"),
        "short": (good[:4], "no zero byte and schema id"),
        "unknown id": (struct.pack(">BI", 0, 77) + good[5:], "the registry knows no schema 77"),
        "cut": (good[:-2], "not valid avro of schema 1"),
        "too long": (good + b"xy", "not valid avro of schema 1: 2 bytes are left"),
        "not UTF-8": (good[:6] + b"\xff\xff\xff\xff", "not valid avro of schema 1"),
        "a schema that is none": (struct.pack(">BI", 0, 2), "schema 2 cannot be used"),
    }


@pytest.mark.parametrize("case", broken(MemoryRegistry()))
def test_what_is_not_avro_is_refused_with_the_reason(registry: MemoryRegistry, case: str) -> None:
    value, why = broken(registry)[case]
    codec = AvroCodec("t", registry)
    with pytest.raises(DecodeError, match=why):
        codec.decode(value)
    with pytest.raises(UNDECODABLE) as error:
        codec.decoder(dict)(value)  # type: ignore[arg-type]
    assert why in str(decode_error("avro", value, error.value))


PREDICTIONS = [
    Prediction("a", True, 0.75, ModelVersion("p", 3), Source("t", 0, 2**40)),
    Prediction(
        7,
        2.5,
        None,
        ModelVersion("p", 0),
        Source("t", 3, 0),
        decision="alert",
        threshold=0.5,
        reasons=(Reason("x", -1.5),),
        rivals={"frozen": 0.25, "rule": None},
    ),
    Prediction(None, None, float("inf"), ModelVersion("p", 1), Source("t", 1, 1)),
    Prediction(2**64 - 1, 2**63, 1.0, ModelVersion("p", 1), Source("t", 1, 1)),
    Prediction("ä", "class", 0.0, ModelVersion("p", 1), Source("t", 1, 1)),
]


@pytest.mark.parametrize("prediction", PREDICTIONS, ids=range(len(PREDICTIONS)))
def test_a_prediction_comes_back_as_it_was(
    registry: MemoryRegistry, prediction: Prediction
) -> None:
    codec = AvroCodec("p", registry, PREDICTION, strict=True)
    decode: Callable[[bytes], Prediction] = codec.decoder(Prediction)
    back = decode(codec.encode(prediction))
    assert back == prediction
    assert (type(back.id), type(back.prediction)) == (
        type(prediction.id),
        type(prediction.prediction),
    )


def test_the_schema_of_predictions_is_registered_under_the_name_of_the_topic(
    registry: MemoryRegistry,
) -> None:
    AvroCodec("p", registry, PREDICTION, strict=True).prepare()
    assert registry.latest("p-value") == (1, PREDICTION)


def test_events_are_written_by_the_newest_schema_of_their_subject(registry: MemoryRegistry) -> None:
    registry.record("t-value", id="string")
    newest = registry.record("t-value", id="string", amount=["null", DECIMAL])
    codec = AvroCodec("t", registry, strict=True)
    value = codec.encode({"id": "a", "amount": 12.34})
    assert schema_id(value) == newest
    assert codec.decode(value) == {"id": "a", "amount": 12.34}
    assert codec.decode(codec.encode({"id": "a", "amount": None}))["amount"] is None


def test_where_there_is_none_one_is_guessed_and_registered(registry: MemoryRegistry) -> None:
    codec = AvroCodec("t", registry, strict=True)
    rows = [
        {"id": "a", "x": 1, "flag": True},
        {"id": 5, "x": 1.5, "flag": None},
        {"id": "c", "x": float("nan"), "flag": "yes"},
    ]
    back = [codec.decode(codec.encode(row)) for row in rows]
    assert str(back) == str(rows)
    assert codec.decode(codec.encode({"id": "d"})) == {"id": "d", "x": None, "flag": None}
    assert registry.latest("t-value") is not None


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"id": "a", "more": 1}, "schema 1 of t-value: .*more"),
        ({"id": 1.5}, "schema 1 of t-value"),
        ({}, "schema 1 of t-value"),
    ],
)
def test_what_a_schema_has_no_place_for_is_refused(
    registry: MemoryRegistry, fields: dict[str, Any], why: str
) -> None:
    registry.record("t-value", id="string")
    with pytest.raises(EncodeError, match=why):
        AvroCodec("t", registry, strict=True).encode(fields)


def test_a_field_that_avro_cannot_name_is_refused_by_its_name(registry: MemoryRegistry) -> None:
    with pytest.raises(EncodeError, match='cannot name the field "card no"'):
        AvroCodec("t", registry, strict=True).encode({"card no": 1})


def test_a_dead_letter_leaves_out_what_was_added_and_keeps_what_fits_nowhere(
    registry: MemoryRegistry,
) -> None:
    registry.record("t-value", id="string")
    codec = AvroCodec("t", registry)
    assert codec.decode(codec.encode({"id": "a", "mean_of_7_days": 2.0})) == {"id": "a"}
    assert codec.encode({"id": 1.5}) == b'{"id":1.5}'
