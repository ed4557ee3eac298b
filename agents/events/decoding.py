"""Many raw records at once, by a bare decoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from agents.errors import InvalidEvent
from agents.events.fields import plain
from agents.events.limits import bounded, decode_one
from topics.codecs import UNDECODABLE
from topics.errors import DecodeError
from topics.records import Record, of_each

Decode = Callable[[bytes], Any]


def decode_all(decode: Decode, format_: str, records: Sequence[Record]) -> list[Any]:
    """The decoded value of each record, or its DecodeError or InvalidEvent."""
    values = of_each(records, "value")
    keys = [key or b"" for key in of_each(records, "key")]
    with suppress(*UNDECODABLE):
        if bounded(keys, values):
            return list(map(decode, values))
    return [_one(decode, format_, key, value) for key, value in zip(keys, values, strict=True)]


def _one(decode: Decode, format_: str, key: bytes, value: bytes | None) -> Any:
    try:
        return decode_one(decode, format_, plain, key, value)
    except (DecodeError, InvalidEvent) as error:
        return error
