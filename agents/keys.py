"""Keys of the state that name an id: the id as JSON, after a prefix."""

from __future__ import annotations

from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def key_of(prefix: str, id_: Any) -> str:
    """The key of an id, or of an entity. It lies on Kafka: it must stay as it is.

    >>> key_of("row/", "a1"), key_of("row/", 7)
    ('row/"a1"', 'row/7')
    """
    return prefix + _encode(id_).decode()


def id_of(prefix: str, key: str) -> Any:
    """The id of a key that ``key_of`` made with this prefix.

    >>> id_of("row/", 'row/"a1"'), id_of("row/", "row/7")
    ('a1', 7)
    """
    return _decode(key[len(prefix) :])
