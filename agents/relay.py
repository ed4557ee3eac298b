"""From one stage to the next: events and labels, keyed by another field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from agents.errors import InvalidEvent
from agents.events.fields import short
from agents.events.limits import fits
from agents.ops import Event, Kind, Label, Op
from agents.packing import pack, unpacker
from topics.codecs import Codec
from topics.records import Headers, Outgoing, Record, Source


class RelayedEvent(msgspec.Struct, tag=0, array_like=True, gc=False):
    """An event between two stages; see ``Event``."""

    id: Any
    time: int
    fields: dict[str, Any]
    key: bytes | None
    source: Source


class RelayedLabel(msgspec.Struct, tag=1, array_like=True, gc=False):
    """A label between two stages; see ``Label``. `source` is the record that brought it."""

    id: Any
    time: int
    event_time: int
    kind: Kind
    label: Any
    before: Any
    weight: int
    fields: dict[str, Any]
    key: bytes | None
    source: Source


class Handed(msgspec.Struct, frozen=True, gc=False):
    """What one stage gives to the next: a record to be written, or read as if it had been.

    Attributes:
        next_topic: Between the two stages.
        next_key: What it is keyed by there.
        message: What it says.
        place: Of the record that it happens by; see `Batch.places`.
        by: That record; its coordinates are given as those of this one.
    """

    next_topic: str
    next_key: bytes
    message: RelayedEvent | RelayedLabel
    place: int
    by: Record

    def outgoing(self) -> Outgoing:
        """The record to be written."""
        return Outgoing(self.next_topic, self.next_key, pack(self.message), place=self.place)

    def topic(self) -> str | None:
        return self.by.topic()

    def partition(self) -> int | None:
        return self.by.partition()

    def offset(self) -> int | None:
        return self.by.offset()

    def key(self) -> bytes:
        return self.next_key

    def value(self) -> bytes:
        return pack(self.message)

    def timestamp(self) -> tuple[int, int]:
        return 1, self.message.time

    def headers(self) -> Headers:
        return []


class Relayed(msgspec.Struct, frozen=True, gc=False):
    """The record that came into the pipeline, as far as a later stage knows it.

    Its value is the event with the features that were added, or the label, in its own format.
    """

    source: Source
    record_key: bytes | None
    said: Mapping[str, Any]
    time: int
    encode: Callable[[object], bytes]

    def topic(self) -> str:
        """Where it came in."""
        return self.source.topic

    def partition(self) -> int:
        """Of that topic."""
        return self.source.partition

    def offset(self) -> int:
        """In that partition."""
        return self.source.offset

    def key(self) -> bytes | None:
        """The key that it came with."""
        return self.record_key

    def value(self) -> bytes:
        """What it says."""
        return self.encode(self.said)

    def timestamp(self) -> tuple[int, int]:
        """1, and milliseconds since 1970."""
        return 1, self.time

    def headers(self) -> Headers:
        """None are relayed."""
        return []


class RelayReader:
    """The reader of a later stage.

    Args:
        events: The format of the events topic, for dead letters.
        labels: The format of the labels topic and its fields of id and label, for the same.
    """

    def __init__(self, events: Codec, labels: tuple[Codec, str, str] | None = None) -> None:
        self._decode = unpacker(RelayedEvent | RelayedLabel)
        self._events = events
        self._labels, self._id, self._label = labels or (events, "id", "label")

    def read(self, record: Record, letters: list[Any]) -> list[Op]:
        """The event or label of this record."""
        got = record.message if isinstance(record, Handed) else self._decode(record.value())
        if isinstance(got, RelayedEvent):
            origin = Relayed(got.source, got.key, got.fields, got.time, self._events.encode)
            return [Event(got.id, got.time, got.fields, None, got.key, got.source, origin)]
        said = {self._id: got.id, self._label: got.label}
        origin = Relayed(got.source, got.key, said, got.time, self._labels.encode)
        return [
            Label(
                got.id,
                got.time,
                got.event_time,
                got.kind,
                got.label,
                got.before,
                got.weight,
                got.fields,
                origin,
            )
        ]


class Relay:
    """The exit of a stage before the last: everything goes on, keyed by another field.

    Args:
        topic: Of the next stage.
        field: The field that keys it; a text or an integer.
    """

    def __init__(self, topic: str, field: str) -> None:
        self._topic = topic
        self._field = field

    def check(self, op: Op) -> None:
        """Raises InvalidEvent for an event that cannot be keyed."""
        value = op.fields.get(self._field)
        if not fits(value):
            raise InvalidEvent(f"{self._field}: expected a text or an integer, got {short(value)}")

    def hand(
        self, ops: Sequence[Op], records: Iterable[Record], places: Iterable[int]
    ) -> list[Handed]:
        """What goes to the next stage.

        Args:
            ops: What happens, in order.
            records: That each happens by.
            places: Of these records.
        """
        topic, field = self._topic, self._field
        return [
            Handed(topic, str(op.fields[field]).encode(), _message(op), place, record)
            for op, record, place in zip(ops, records, places, strict=True)
        ]


def _message(op: Op) -> RelayedEvent | RelayedLabel:
    if isinstance(op, Event):
        return RelayedEvent(op.id, op.time, op.fields, op.key, op.source)
    record = op.record
    return RelayedLabel(
        op.id,
        op.time,
        op.event_time,
        op.kind,
        op.label,
        op.before,
        op.weight,
        op.fields,
        record.key(),
        Source.of(record),
    )
