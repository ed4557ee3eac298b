"""JSON with a schema in each value, as the JsonConverter of Kafka Connect reads it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from topics.codecs import UNDECODABLE
from topics.connect_json import ConnectJsonCodec
from topics.errors import DecodeError
from topics.metrics import BaselineMetrics, CalibrationBin, WindowMetrics
from topics.records import Alert, ModelVersion, Prediction, Reason, Source

MODEL, SOURCE = ModelVersion("arow", 41), Source("events", 3, 17)
SAID = Prediction(7, True, 0.75, MODEL, SOURCE, reasons=(Reason("x", 0.25),), rivals={"rule": 1})


def conforms(value: Any, schema: dict[str, Any]) -> bool:
    """Whether Connect takes a value, by the rules of its JsonConverter."""
    if value is None:
        return bool(schema["optional"])
    if schema["type"] == "struct":
        fields = {field["field"]: field for field in schema["fields"]}
        return value.keys() <= fields.keys() and all(
            conforms(value.get(name), field) for name, field in fields.items()
        )
    kinds: dict[str, Any] = {"string": str, "boolean": bool, "int64": int, "double": (int, float)}
    return isinstance(value, kinds[schema["type"]])


def test_a_prediction_has_its_schema_with_it() -> None:
    found = json.loads(ConnectJsonCodec(Prediction).encode(SAID))

    assert found["schema"]["name"] == "riverrun.Prediction"
    assert found["schema"]["fields"][:3] == [
        {"field": "id", "type": "string", "optional": True},
        {"field": "prediction", "type": "string", "optional": True},
        {"field": "score", "type": "double", "optional": True},
    ]
    assert found["payload"] == {
        "id": "7",
        "prediction": "true",
        "score": 0.75,
        "model": {"name": "arow", "version": 41, "shares": None},
        "source": {"topic": "events", "partition": 3, "offset": 17},
        "decision": None,
        "threshold": None,
        "reasons": '[{"feature":"x","contribution":0.25}]',
        "rivals": '{"rule":1}',
    }


@pytest.mark.parametrize(
    "record",
    [
        SAID,
        Prediction(None, "spam", None, MODEL, SOURCE),
        Alert("e", 1, {"a": [1]}, 0.9, 0.5, None, MODEL, SOURCE, {"amount": 3.5, "x": None}),
        WindowMetrics(
            *(0, 10, 1, True, 11, 5, 100, 90, None, 3),
            model=BaselineMetrics(90, 0.75, calibration=(CalibrationBin(0.1, 0.2, 3),)),
        ),
    ],
)
def test_each_record_is_of_its_schema_and_is_read_back(record: msgspec.Struct) -> None:
    codec = ConnectJsonCodec(type(record))
    value = codec.encode(record)

    found = json.loads(value)
    assert conforms(found["payload"], found["schema"] | {"optional": False})
    again: Any = codec.decoder(type(record))(value)
    expected = msgspec.to_builtins(record)
    for name in ("id", "prediction", "entity"):  # of several types: a text
        if (of_any := expected.get(name)) is not None and not isinstance(of_any, str):
            expected[name] = json.dumps(of_any).replace(" ", "")
    assert msgspec.to_builtins(again) == expected


@pytest.mark.parametrize(
    "value", [None, b"", b"no json", b"{}", b'{"payload": 3}', b'{"payload": {"id": 1}}']
)
def test_a_value_of_another_form_is_undecodable(value: bytes | None) -> None:
    codec = ConnectJsonCodec(Prediction)

    with pytest.raises(UNDECODABLE):
        codec.decoder(Prediction)(value)  # type: ignore[arg-type]
    if value is None or b"id" not in value:
        with pytest.raises(DecodeError):
            codec.decode(value)
