"""Many operations on their way from stage to stage over Kafka, as one record.

The value is a head of 16 bytes and MessagePack; docs/how-it-works.md has the format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from struct import Struct
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from agents.blocks import blocks
from agents.errors import AgentError
from agents.field_columns import FieldColumns, FieldShapes
from agents.operations import EVENT, UNJOINED, Operations
from agents.packing import pack, unpacker
from agents.records import Raw, StoredRecords
from learners.engine.kernels import Ints
from topics.records import Record, of_each

LAYOUT = 2
"""Of a block. Layout 1 had an operation a record, and no head."""

MAGIC = b"ops"
_HEAD = Struct("<3sBIq")
_TIME = np.dtype("<i8")


class NotABlock(ValueError):
    """A record between two stages that no stage has written."""


class BlockRefused(AgentError):
    """A record between two stages that another version of riverrun has written."""


class Head(NamedTuple):
    """What a record says of its operations before they are read.

    Attributes:
        size: How many there are.
        latest: The latest of their times, in milliseconds since 1970.
    """

    size: int
    latest: int


_NO_BLOCK = Head(1, 0)


def head_of(value: bytes | None) -> Head:
    """The head of a block; what is none counts as one operation of long ago."""
    if value is None or len(value) < _HEAD.size or not value.startswith(MAGIC):
        return _NO_BLOCK
    _, _, count, latest = _HEAD.unpack_from(value)
    return Head(count, latest)


class OperationBlock(msgspec.Struct, array_like=True, gc=False):
    """The operations of a block; each column has a value for each of them.

    Attributes:
        kinds: See ``Operations``; a byte each.
        times, event_times: 8 bytes each, little-endian.
        ids, labels, befores, weights: See ``Operations``.
        topics: Where their records came in, each once.
        topic_of: The number of that topic; a byte each.
        partitions, offsets, keys: Of their records.
        raw: Value and headers of the records of labels that were not joined yet, which may
            become dead letters; empty where there is no such label.
        fields: Of the events with what was added to them, and of the labels.
    """

    kinds: bytes
    times: bytes
    event_times: bytes
    ids: list[Any]
    labels: list[Any]
    befores: list[Any]
    weights: list[int]
    topics: list[str]
    topic_of: bytes
    partitions: list[int]
    offsets: list[int]
    keys: list[bytes | None]
    raw: list[Raw | None]
    fields: FieldShapes

    @classmethod
    def of(cls, operations: Operations) -> OperationBlock:
        """From what a stage forwards."""
        records, kinds = operations.records, operations.kinds
        topics = [topic or "" for topic in of_each(records, "topic")]
        known = {topic: i for i, topic in enumerate(dict.fromkeys(topics))}
        unjoined = (kinds == UNJOINED).tolist()
        return cls(
            kinds.tobytes(),
            operations.times.astype(_TIME).tobytes(),
            operations.event_times.astype(_TIME).tobytes(),
            list(operations.ids),
            operations.labels,
            operations.befores,
            operations.weights,
            list(known),
            bytes([known[topic] for topic in topics]),
            [partition or 0 for partition in of_each(records, "partition")],
            [offset or 0 for offset in of_each(records, "offset")],
            of_each(records, "key"),
            [_raw(r) if it_is else None for r, it_is in zip(records, unjoined, strict=True)]
            if any(unjoined)
            else [],
            FieldShapes.of(list(operations.came), (kinds == EVENT).tolist(), operations.added),
        )

    def encode(self) -> bytes:
        """The value of a record; ``read`` reads it."""
        latest = int(np.frombuffer(self.times, _TIME).max())
        return _HEAD.pack(MAGIC, LAYOUT, len(self.kinds), latest) + pack(self)

    def part(self, at: range, ranks: Sequence[int]) -> OperationBlock:
        """The operations at these places, given the rank of each in the shape of its fields."""
        if len(at) == len(self.kinds):
            return self
        one, eight = slice(at.start, at.stop), slice(8 * at.start, 8 * at.stop)
        return OperationBlock(
            *(self.kinds[one], self.times[eight], self.event_times[eight]),
            *(self.ids[one], self.labels[one], self.befores[one]),
            self.weights[one],
            self.topics,
            self.topic_of[one],
            *(self.partitions[one], self.offsets[one]),
            self.keys[one],
            self.raw[one],
            self.fields.part(at, ranks),
        )

    @property
    def flaw(self) -> str | None:
        """Why no stage can have written this; None where one can."""
        count = len(self.kinds)
        lists: list[Sequence[Any]] = [self.ids, self.labels, self.befores, self.weights]
        lists += [self.topic_of, self.partitions, self.offsets, self.keys]
        even = len(self.times) == len(self.event_times) == 8 * count
        even &= all(len(column) == count for column in lists) and len(self.raw) in (0, count)
        if not (even and self.fields.are_of(count)):
            return "its columns are not of one length"
        for kinds, end, what in (
            (self.kinds, UNJOINED + 1, "kind"),
            (self.topic_of, len(self.topics), "topic"),
        ):
            wrong = np.flatnonzero(np.frombuffer(kinds, np.uint8) >= end)
            if len(wrong):
                place = int(wrong[0])
                return f"operation {place} of {count} has no {what} {kinds[place]}"
        return None

    @classmethod
    def joined(cls, parts: Sequence[OperationBlock]) -> OperationBlock:
        """Those of several blocks, one behind the other."""
        if len(parts) == 1:
            return parts[0]

        def chained(name: str) -> list[Any]:
            return list(chain.from_iterable(getattr(part, name) for part in parts))

        def behind(name: str) -> bytes:
            return b"".join([getattr(part, name) for part in parts])

        topics: dict[str, int] = {}
        topic_of = bytearray()
        for part in parts:
            here = bytes([topics.setdefault(topic, len(topics)) for topic in part.topics])
            topic_of += part.topic_of.translate(here.ljust(256))
        raw = [part.raw or [None] * len(part.kinds) for part in parts]
        return cls(
            *(behind("kinds"), behind("times"), behind("event_times")),
            *(chained("ids"), chained("labels"), chained("befores"), chained("weights")),
            *(list(topics), bytes(topic_of)),
            *(chained("partitions"), chained("offsets"), chained("keys")),
            list(chain.from_iterable(raw)) if any(part.raw for part in parts) else [],
            FieldShapes.joined([part.fields for part in parts]),
        )

    def operations(self, causes: list[Record], places: Ints) -> Operations:
        """As the next stage has them."""
        times = np.frombuffer(self.times, _TIME).astype(np.int64)  # it may be written to
        topics = [self.topics[number] for number in self.topic_of]
        sources = topics, self.partitions, self.offsets
        return Operations(
            np.frombuffer(self.kinds, np.int8).copy(),
            (times, np.frombuffer(self.event_times, _TIME).astype(np.int64)),
            self.ids,
            FieldColumns(self.fields),
            *(self.labels, self.befores, self.weights),
            StoredRecords(sources, self.keys, times.tolist(), self.raw),
            causes,
            places,
        )


def encoded(operations: Operations, most: int | None = None) -> Iterator[tuple[range, bytes]]:
    """The values of the records that operations are written as, and which operations each has.

    Args:
        operations: In the order in which they happen.
        most: Operations that a record may have; None for as many as fit.
    """
    columns = OperationBlock.of(operations)
    ranks = columns.fields.ranks()

    def encode(at: range) -> bytes:
        return columns.part(at, ranks).encode()

    def part(at: range, some: range) -> range:
        return at[some.start : some.stop]

    return blocks(range(len(operations)), len(operations), encode, part, most)


def decoded(record: Record) -> OperationBlock:
    """The operations of a record.

    Raises:
        NotABlock: when no stage has written it.
        BlockRefused: when a stage of another version of riverrun has.
    """
    value = record.value() or b""  # a tombstone is no block
    if value.startswith(MAGIC) and len(value) >= _HEAD.size:
        _, layout, count, _ = _HEAD.unpack_from(value)
        if layout != LAYOUT:
            raise _refused(record, layout)
    elif _is_of_layout_1(value):
        raise _refused(record, 1)
    else:
        raise NotABlock("no block of the stage before: it begins otherwise")
    try:
        columns: OperationBlock = _unpack(value[_HEAD.size :])
    except (msgspec.MsgspecError, IndexError) as error:
        raise NotABlock(f"no block of the stage before: {error}") from None
    flaw = columns.flaw if len(columns.kinds) == count else f"it has not {count} operations"
    if flaw is not None:
        raise NotABlock(f"no block of the stage before: {flaw}")
    return columns


_unpack = unpacker(OperationBlock)


class _OfLayout1(msgspec.Struct, array_like=True, gc=False):
    """How an operation of layout 1 began."""

    tag: Literal[0, 1, 2]
    id: Any
    time: int


_of_layout_1 = unpacker(_OfLayout1)


def _is_of_layout_1(value: bytes) -> bool:
    try:
        _of_layout_1(value)
    except (msgspec.MsgspecError, IndexError):
        return False
    return True


def _refused(record: Record, layout: int) -> BlockRefused:
    return BlockRefused(
        f"{record.topic()}[{record.partition()}]@{record.offset()}: a record between two stages of"
        f" layout {layout}; this version of riverrun reads layout {LAYOUT}. Run one worker of the"
        " version that wrote it until nothing lies on that topic, then this one"
    )


def _raw(record: Record) -> Raw:
    return record.value(), list(record.headers() or [])
