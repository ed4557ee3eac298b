"""The Avro schemas that riverrun writes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from topics.errors import EncodeError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BIG = {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 0}
"""An integer that no Avro long holds: JSON and MessagePack have them up to 2^64."""
_ANY = ["null", "boolean", "long", "double", "string"]


def _field(name: str, *kinds: Any) -> dict[str, Any]:
    return {"name": name, "type": ["null", *kinds], "default": None}


def _record(name: str, *fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields)}


def _must(name: str, kind: Any) -> dict[str, Any]:
    return {"name": name, "type": kind}


_REASON = _record("Reason", _must("feature", "string"), _must("contribution", "double"))
_MODEL = _record(
    "Model",
    _must("name", "string"),
    _must("version", "long"),
    _field("shares", {"type": "array", "items": "long"}),
)
_SOURCE = _record(
    "Source", _must("topic", "string"), _must("partition", "int"), _must("offset", "long")
)

PREDICTION = json.dumps(
    {
        "namespace": "riverrun",
        **_record(
            "Prediction",
            _field("id", "string", "long", _BIG),
            _field("prediction", "boolean", "long", "double", "string", _BIG),
            _field("score", "double"),
            _must("model", _MODEL),
            _must("source", _SOURCE),
            _field("decision", "string"),
            _field("threshold", "double"),
            _field("reasons", {"type": "array", "items": _REASON}),
            _field("rivals", {"type": "map", "values": _ANY}),
        ),
    }
)
"""The schema of `topics.records.Prediction`."""


def guessed(fields: Mapping[str, Any]) -> str:
    """A schema for events or labels with these fields: each may be a number, a text or missing.

    Raises:
        EncodeError: For a field that Avro cannot name.
    """
    for name in fields:
        if _NAME.fullmatch(name) is None:
            raise EncodeError(
                f'Avro cannot name the field "{name}": letters, digits and "_" only, no digit first'
            )
    made = _record("Event", *(_field(name, *_ANY[1:]) for name in fields))
    return json.dumps({"namespace": "riverrun", **made})
