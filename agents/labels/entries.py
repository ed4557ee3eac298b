"""What is remembered of an event or a label that waits for the other: the entries of the state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from agents import state_keys
from agents.events.limits import is_plain
from agents.labels.reader import ParsedLabel
from agents.records import StoredRecord
from topics.records import Source

PREFIX = state_keys.LABEL
"""Of the keys of all entries; the id follows."""


class Waiting(msgspec.Struct, array_like=True, tag=0, gc=False):
    """An event without a label: its time, and the fields that are kept."""

    time: int
    fields: dict[str, Any]


class Labelled(msgspec.Struct, array_like=True, tag=1, gc=False):
    """An event with a label, which may be corrected."""

    time: int
    fields: dict[str, Any]
    label: Any
    weight: int


class Early(msgspec.Struct, array_like=True, tag=2, gc=False):
    """A label without an event, with all of its record: it may become a dead letter."""

    time: int
    label: Any
    weight: int
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


Entry = Waiting | Labelled | Early

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Entry).decode


def kept_fields(names: tuple[str, ...], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The named fields that an event has, as far as they are plain and of bounded size."""
    return {name: fields[name] for name in names if name in fields and is_plain(fields[name])}


def early(label: ParsedLabel) -> Early:
    """The entry of a label whose event is not there."""
    record = label.record
    return Early(
        label.time,
        label.label,
        label.weight,
        record.topic() or "",
        record.partition() or 0,
        record.offset() or 0,
        record.key(),
        record.value(),
        list(record.headers() or []),
    )


def record_of(entry: Early) -> StoredRecord:
    """The record of an early label, as it came."""
    source = Source(entry.topic, entry.partition, entry.offset)
    return StoredRecord(source, entry.key, entry.value, entry.time, entry.headers)
