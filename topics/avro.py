"""Avro with a schema registry: Confluent's wire format, read by the schema of the writer.

A value is a zero byte, the id of its schema in four bytes, and the Avro binary. Subjects are named
after their topics (TopicNameStrategy).
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from io import BytesIO
from typing import Any, Protocol, TypeVar

import fastavro
import msgspec

from topics.avro_schemas import guessed
from topics.codecs import Codec
from topics.errors import DecodeError, EncodeError

T = TypeVar("T")

_HEADER = struct.Struct(">BI")
_MOST = 2**63
"""An Avro long is less."""
_RAW_TYPES = re.compile(r"^(timestamp|local-timestamp|time|date|duration|uuid)")


class Registry(Protocol):
    """What a codec asks a registry for."""

    def schema(self, id_: int) -> str | None:
        """The schema of an id; None where the registry knows none."""

    def latest(self, subject: str) -> tuple[int, str] | None:
        """The newest schema of a subject, with its id; None where it has none."""

    def register(self, subject: str, schema: str) -> int:
        """The id of a schema, which is registered if need be."""


def schema_id(value: bytes | None) -> int | None:
    """The id of the schema that a value names; None where it is not in the wire format."""
    if value is None or len(value) < _HEADER.size:
        return None
    magic, id_ = _HEADER.unpack_from(value)
    return int(id_) if magic == 0 else None


class AvroCodec(Codec):
    """Encodes and decodes the values of one topic.

    A logical type is read as what fields are used for: a decimal as a number, times as the number
    that Avro stores (`timestamp-millis` is in milliseconds since 1970), a uuid as its text.

    Args:
        topic: The subject is named after it.
        registry: Knows the schemas; it is not asked before it must be.
        schema: What is written. None: the newest schema of the subject, or, where there is none,
            one that is guessed from the first value and registered.
        strict: A value with fields that the schema does not have is refused; else they are left
            out, and a value that the schema cannot hold is written as JSON, so that it is kept.
    """

    def __init__(
        self, topic: str, registry: Registry, schema: str | None = None, *, strict: bool = False
    ) -> None:
        self.name = "avro"
        self.encode = self._encode if strict else self._encode_or_keep
        self._decode_any = self.read
        self._subject = f"{topic}-value"
        self._registry = registry
        self._schema = schema
        self._strict = strict
        self._readers: dict[int, tuple[Any, bool]] = {}
        self._writer: tuple[int, Any, Mapping[str, int]] | None = None

    def prepare(self) -> None:
        """Register the schema that is written, or see that it is there."""
        assert self._schema is not None
        id_ = self._registry.register(self._subject, self._schema)
        self._writer = id_, _parsed(self._schema), _decimals(self._schema)

    def decoder(self, type_: type[T] | Any) -> Callable[[bytes], T]:
        """See Codec."""
        read = self.read
        return lambda value: msgspec.convert(read(value), type_)

    def read(self, value: bytes | None) -> Any:
        """What a value says.

        Raises:
            DecodeError: When it is not in the wire format, the registry does not know its schema,
                or it is not of that schema.
        """
        if value is None:
            raise DecodeError("the value is empty")
        id_ = schema_id(value)
        if id_ is None:
            raise DecodeError("not valid avro: no zero byte and schema id before the value")
        schema, has_decimals = self._readers.get(id_) or self._reader(id_)
        rest = BytesIO(value)
        rest.seek(_HEADER.size)
        try:
            found = fastavro.schemaless_reader(rest, schema, None)
        except Exception as error:  # fastavro raises whatever Python raises
            text = f"{type(error).__name__} {error}".strip()
            raise DecodeError(f"not valid avro of schema {id_}: {text}") from error
        if rest.tell() != len(value):
            left = len(value) - rest.tell()
            raise DecodeError(f"not valid avro of schema {id_}: {left} bytes are left")
        return _plain(found) if has_decimals else found

    def _reader(self, id_: int) -> tuple[Any, bool]:
        text = self._registry.schema(id_)
        if text is None:
            raise DecodeError(f"the registry knows no schema {id_}")
        try:
            self._readers[id_] = reader = _parsed(text), '"decimal"' in text
        except Exception as error:
            raise DecodeError(f"schema {id_} cannot be used: {error}") from error
        return reader

    def _encode(self, value: object) -> bytes:
        fields = value if isinstance(value, dict) else _builtins(value)
        id_, schema, decimals = self._writer or self._first_writer(fields)
        try:
            fields = {name: _wide(each, decimals.get(name)) for name, each in fields.items()}
            out = BytesIO()
            out.write(_HEADER.pack(0, id_))
            fastavro.schemaless_writer(out, schema, fields, strict_allow_default=self._strict)
        except Exception as error:  # as in read
            text = f"{type(error).__name__} {error}"
            raise EncodeError(f"schema {id_} of {self._subject}: {text}") from error
        return out.getvalue()

    def _encode_or_keep(self, value: object) -> bytes:
        try:
            return self._encode(value)
        except EncodeError:
            return msgspec.json.encode(value)

    def _first_writer(self, fields: Mapping[str, Any]) -> tuple[int, Any, Mapping[str, int]]:
        if self._schema is None:
            newest = self._registry.latest(self._subject)
            if newest is not None:
                id_, text = newest
                self._writer = id_, _parsed(text), _decimals(text)
                return self._writer
            self._schema = guessed(fields)
        self.prepare()
        assert self._writer is not None
        return self._writer


def _builtins(value: object) -> dict[str, Any]:
    """A record as dicts and lists; to fastavro a tuple in a union names its branch."""
    fields: dict[str, Any] = msgspec.to_builtins(value)
    return {n: list(each) if type(each) is tuple else each for n, each in fields.items()}


@lru_cache(1000)
def _parsed(text: str) -> Any:
    """A schema as fastavro takes it."""
    return fastavro.parse_schema(_without_times(json.loads(text)), {})


def _without_times(schema: Any) -> Any:
    """The schema without the logical types whose numbers and texts are taken as they are stored."""
    if isinstance(schema, list):
        return [_without_times(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    raw = _RAW_TYPES.match(str(schema.get("logicalType", "")))
    return {
        key: _without_times(value)
        for key, value in schema.items()
        if not (raw and key == "logicalType")
    }


def _plain(value: Any) -> Any:
    """Decimals as numbers: an integer where the scale is 0, else a float."""
    kind = type(value)
    if kind is dict:
        return {name: _plain(each) for name, each in value.items()}
    if kind is list:
        return [_plain(each) for each in value]
    if kind is Decimal:
        return int(value) if value.as_tuple().exponent == 0 else float(value)
    return value


def _wide(value: Any, scale: int | None) -> Any:
    """A number of a decimal field, or an integer that is none of Avro's longs, as a decimal."""
    if scale is not None and isinstance(value, int | float):
        return Decimal(str(value)).quantize(Decimal(1).scaleb(-scale))
    if type(value) is int and not -_MOST <= value < _MOST:
        return Decimal(value)
    return value


@lru_cache(1000)
def _decimals(text: str) -> Mapping[str, int]:
    """The fields of a record that hold a decimal, or null, and nothing else; with the scale."""
    schema = json.loads(text)
    found = {}
    for field in schema.get("fields", ()) if isinstance(schema, dict) else ():
        kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
        match [kind for kind in kinds if kind != "null"]:
            case [{"logicalType": "decimal"} as number]:
                found[field["name"]] = int(number.get("scale", 0))
    return found
