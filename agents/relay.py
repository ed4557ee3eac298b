"""From one stage to the next: events and labels on a topic that is keyed by another field."""

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
        got = self._decode(record.value())
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

    def records(self, ops: Sequence[Op], places: Iterable[int]) -> list[Outgoing]:
        """The records that take ``ops`` to the next stage.

        Args:
            ops: What happens, in order.
            places: Of the records that each happens by.
        """
        return [self._record(op, place) for op, place in zip(ops, places, strict=True)]

    def _record(self, op: Op, place: int) -> Outgoing:
        message: RelayedEvent | RelayedLabel
        if isinstance(op, Event):
            message = RelayedEvent(op.id, op.time, op.fields, op.key, op.source)
        else:
            record = op.record
            source = Source.of(record)
            message = RelayedLabel(
                op.id,
                op.time,
                op.event_time,
                op.kind,
                op.label,
                op.before,
                op.weight,
                op.fields,
                record.key(),
                source,
            )
        key = str(op.fields[self._field]).encode()
        return Outgoing(self._topic, key, pack(message), place=place)
