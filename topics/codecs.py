"""Formats of values: JSON and MessagePack behind one interface."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from topics.errors import DecodeError, UnknownFormat

T = TypeVar("T")

FORMATS = ("json", "msgpack")
"""Those of this file. A value of theirs can be put together from encoded parts."""


class Codec:
    """One format: ``encode`` an object, ``decode`` a value.

    Args:
        name: ``"json"`` or ``"msgpack"``.

    Raises:
        UnknownFormat: for any other name.
    """

    def __init__(self, name: str) -> None:
        if name not in FORMATS:
            raise UnknownFormat(f"format {name!r} is unknown; known are {', '.join(FORMATS)}")
        self.name = name
        self._module = msgspec.json if name == "json" else msgspec.msgpack
        self.encode: Callable[[object], bytes] = self._module.Encoder().encode
        self._decode_any: Callable[[bytes], Any] = self.decoder(object)

    def decoder(self, type_: type[T] | Any) -> Callable[[bytes], T]:
        """The bare decoder of one type, for hot loops.

        It raises whatever the library raises: see ``UNDECODABLE`` and ``decode_error``.
        """
        decode: Callable[[bytes], T] = self._module.Decoder(type_).decode
        return decode

    def decode(self, value: bytes | None) -> Any:
        """Any value of this format.

        Raises:
            DecodeError: when the value is empty or is not of this format.
        """
        try:
            return self._decode_any(value)  # type: ignore[arg-type]
        except UNDECODABLE as error:
            raise decode_error(self.name, value, error) from error


#: What a bare decoder raises on a bad value: ours, msgspec's own, too deep a nesting,
#: text that is not UTF-8, and ``None`` for an empty value.
UNDECODABLE = (
    DecodeError,
    msgspec.MsgspecError,
    RecursionError,
    UnicodeDecodeError,
    TypeError,
)


def decode_error(name: str, value: bytes | None, error: BaseException) -> DecodeError:
    """The reason, in our words, for which a bare decoder failed on ``value``."""
    if isinstance(error, DecodeError):
        return error
    if value is None:
        return DecodeError("the value is empty")
    if isinstance(error, RecursionError):
        return DecodeError("the value is nested too deep")
    if name == "json" and value.startswith(BOM_UTF8):
        return DecodeError("the value begins with a byte order mark (BOM): write it without one")
    return DecodeError(f"not valid {name}: {error}")
