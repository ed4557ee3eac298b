"""JSON as Kafka Connect reads it with a schema: each value is `{"schema": ..., "payload": ...}`.

The schema is that of one record of ours, and the same in every value. Connect has no field of
several types, and databases have no columns for lists and tables: both are texts, of which an
`id` that is a text stays as it is, and all else is JSON.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

from topics.codecs import Codec

T = TypeVar("T")

NAME = "connect-json"
_TYPES = {bool: "boolean", int: "int64", float: "double", str: "string"}

Convert = Callable[[Any], Any]


class _Field(NamedTuple):
    """The schema of a field; its value as the payload has it, and back."""

    schema: dict[str, Any]
    put: Convert
    take: Convert


class _Envelope(msgspec.Struct):
    payload: dict[str, Any]


_open = msgspec.json.Decoder(_Envelope).decode
_encode = msgspec.json.Encoder().encode


class ConnectJsonCodec(Codec):
    """Encodes and decodes the values of one topic.

    Args:
        type_: Of its records.
    """

    def __init__(self, type_: type[msgspec.Struct]) -> None:
        self.name = NAME
        schema, self._put, self._take = _struct(type_)
        self._head = b'{"schema":' + _encode(schema) + b',"payload":'
        self.encode = self._encode
        self._decode_any = self._payload

    def decoder(self, type_: type[T] | Any) -> Callable[[bytes], T]:
        """See Codec."""
        return lambda value: msgspec.convert(self._payload(value), type_)

    def _encode(self, value: object) -> bytes:
        return self._head + _encode(self._put(value)) + b"}"

    def _payload(self, value: bytes) -> Any:
        return self._take(_open(value).payload)


def _struct(type_: type[msgspec.Struct]) -> _Field:
    """A record: its schema, what makes a payload of it, and what reads one."""
    fields = {name: _field(hint) for name, hint in typing.get_type_hints(type_).items()}
    named = [{"field": name, **field.schema} for name, field in fields.items()]

    def put(value: Any) -> Any:
        return {name: field.put(getattr(value, name)) for name, field in fields.items()}

    def take(value: dict[str, Any]) -> Any:
        return {n: fields[n].take(each) if n in fields else each for n, each in value.items()}

    schema = {"type": "struct", "name": f"riverrun.{type_.__name__}", "fields": named}
    return _Field(schema, put, take)


def _field(hint: Any) -> _Field:
    optional = {"optional": hint is Any or type(None) in typing.get_args(hint)}
    union = isinstance(hint, types.UnionType)
    kinds = [each for each in typing.get_args(hint) if each is not type(None)] if union else [hint]
    made = _plain(kinds[0]) if len(kinds) == 1 else _Field({"type": "string"}, _text, _same)
    return _Field(made.schema | optional, _or_none(made.put), _or_none(made.take))


def _plain(kind: Any) -> _Field:
    """A field of one type."""
    if typing.get_origin(kind) is Literal:
        return _Field({"type": "string"}, _same, _same)
    if kind in _TYPES:
        return _Field({"type": _TYPES[kind]}, _same, _same)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _struct(kind)
    return _Field({"type": "string"}, _text, _same if kind is Any else msgspec.json.decode)


def _or_none(convert: Convert) -> Convert:
    return lambda value: None if value is None else convert(value)


def _same(value: Any) -> Any:
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _encode(value).decode()
