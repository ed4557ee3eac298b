"""What one stage forwards to the next, in memory and on Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from agents.operations import EVENT, KINDS, UNJOINED, Kind, Operations
from agents.packing import pack, unpacker
from topics.records import Headers, Outgoing, Source


class ForwardedEvent(msgspec.Struct, tag=0, array_like=True, gc=False):
    """An event between two stages, as it lies on Kafka. `source` is where it came in."""

    id: Any
    time: int
    fields: Mapping[str, Any]
    key: bytes | None
    source: Source


class ForwardedLabel(msgspec.Struct, tag=1, array_like=True, gc=False):
    """A label between two stages, as it lies on Kafka. `source` is the record that brought it."""

    id: Any
    time: int
    event_time: int
    kind: Kind
    label: Any
    before: Any
    weight: int
    fields: Mapping[str, Any]
    key: bytes | None
    source: Source


class UnjoinedLabel(msgspec.Struct, tag=2, array_like=True, gc=False):
    """A label on its way to its event, with all of its record: it may become a dead letter."""

    id: Any
    time: int
    label: Any
    weight: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    source: Source


class _Head(msgspec.Struct, array_like=True, gc=False):
    """How all of them begin."""

    tag: int
    id: Any
    time: int


_head = unpacker(_Head)


def forwarded_time(value: bytes) -> int:
    """When it was that a record between two stages came in, in milliseconds since 1970."""
    head: _Head = _head(value)
    return head.time


Message = ForwardedEvent | ForwardedLabel | UnjoinedLabel


@dataclass(frozen=True, slots=True)
class Forwarded:
    """Operations on their way to the next stage.

    Attributes:
        topic: Between the two stages.
        keys: What each is keyed by there, as a text.
        operations: In the order in which they happen.
    """

    topic: str
    keys: Sequence[str]
    operations: Operations

    def __len__(self) -> int:
        return len(self.operations)

    def outgoing(self) -> list[Outgoing]:
        """The records to be written where the next stage is another worker's."""
        places = self.operations.places.tolist()
        return [
            Outgoing(self.topic, key.encode(), pack(_message(self.operations, i)), place=place)
            for i, (key, place) in enumerate(zip(self.keys, places, strict=True))
        ]

    @staticmethod
    def divided(
        parts: Sequence[Forwarded], to: Callable[[Sequence[str]], Sequence[int]]
    ) -> Iterator[tuple[int, Operations]]:
        """The partitions of the topic, in the order in which each has its first operation.

        Args:
            parts: Of one round.
            to: The partitions of keys, as the producer chooses them.
        """
        operations = Operations.joined([part.operations for part in parts])
        order = np.argsort(operations.places, kind="stable")
        chosen = np.array(to([key for part in parts for key in part.keys]))[order]
        for partition in dict.fromkeys(chosen.tolist()):
            yield partition, operations.take(order[chosen == partition])


def _message(operations: Operations, i: int) -> Message:
    record, id_, time = operations.records[i], operations.ids[i], int(operations.times[i])
    fields, source = operations.fields(i), Source.of(record)
    kind = int(operations.kinds[i])
    if kind == UNJOINED:
        label, weight, headers = operations.labels[i], operations.weights[i], record.headers()
        raw = record.key(), record.value(), list(headers or [])
        return UnjoinedLabel(id_, time, label, weight, *raw, source)
    if kind == EVENT:
        return ForwardedEvent(id_, time, fields, record.key(), source)
    return ForwardedLabel(
        id_,
        time,
        int(operations.event_times[i]),
        KINDS[kind - 1],
        operations.labels[i],
        operations.befores[i],
        operations.weights[i],
        fields,
        record.key(),
        source,
    )
