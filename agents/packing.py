"""MessagePack, and JSON for what that has no room for: whole numbers of more than 64 bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

_to_msgpack = msgspec.msgpack.Encoder().encode
_to_json = msgspec.json.Encoder().encode

_JSON = (ord("["), ord("{"))
"""MessagePack's lists and maps begin otherwise."""


def pack(value: Any) -> bytes:
    """A list, a map or a struct as bytes.

    >>> pack([1]).hex(), pack([10**20])
    ('9101', b'[100000000000000000000]')
    """
    try:
        return _to_msgpack(value)
    except OverflowError:
        return _to_json(value)


def unpacker(type_: Any) -> Callable[[bytes], Any]:
    """What reads back what ``pack`` made of a value of this type.

    >>> unpacker(list)(pack([10**20]))
    [100000000000000000000]
    """
    of_msgpack = msgspec.msgpack.Decoder(type_).decode
    of_json = msgspec.json.Decoder(type_).decode

    def unpack(value: bytes) -> Any:
        return of_json(value) if value[0] in _JSON else of_msgpack(value)

    return unpack
