"""Labelled rows, on their way from those who scored them to the one learner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any

import msgspec
import numpy as np

from agents.blocks import blocks
from agents.labels.waiting import Row, join
from agents.packing import pack, unpacker
from agents.rejected import Rejected, read_each
from learners.engine.rows import Rows
from topics.records import Outgoing, Record, Source

LAYOUT = 2
"""Of a block; 1 had no times. A learner refuses a block of a later one."""


class BlockUnreadable(ValueError):
    """A record of the rows topic that no scorer of this version has written."""


class Origin(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """By what a row was labelled.

    Attributes:
        id: Of the event; None where the pipeline names no id field.
        key: Of the record that brought the label.
        source: Where that record came in.
        time: When the label was known, in milliseconds since 1970.
    """

    id: Any
    key: bytes | None
    source: Source
    time: int


class _Packed(msgspec.Struct, array_like=True, gc=False):
    """A block as it lies on Kafka: the values of all rows as one array of doubles, or dicts.

    `in_memory` says that the learner had the rows in the transaction that wrote them.
    """

    layout: int
    in_memory: bool
    names: tuple[str, ...] | None
    values: bytes | list[dict[str, Any]]
    labels: list[Any]
    origins: list[Origin]
    times: list[int] | None = None


@dataclass(slots=True)
class RowBlock:
    """Rows with labels, in the order in which they are to be learned.

    Attributes:
        names: The features of every row; None where events differ.
        rows: The features, as they were when the event was scored.
        labels: As the learner takes them.
        origins: By what each was labelled.
        times: How often each is to be learned.
        places: Of the records by which it happened; see ``Batch.places``. Not on Kafka, where
            the order of the topic takes its place.
        in_memory: Whether the learner had them in the transaction that wrote them.
    """

    names: tuple[str, ...] | None = None
    rows: list[Row] = field(default_factory=list)
    labels: list[Any] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    in_memory: bool = False

    def __len__(self) -> int:
        return len(self.labels)

    def add(self, row: Row, label: Any, origin: Origin, place: int, times: int = 1) -> None:
        """One more."""
        self.rows.append(row)
        self.labels.append(label)
        self.origins.append(origin)
        self.places.append(place)
        self.times.append(times)

    @classmethod
    def joined(cls, blocks: Sequence[RowBlock]) -> RowBlock:
        """Blocks of the same features, one behind the other."""

        def chained(column: str) -> list[Any]:
            return list(chain.from_iterable(getattr(block, column) for block in blocks))

        names = blocks[0].names if blocks else None
        columns = [chained(name) for name in ("rows", "labels", "origins", "times", "places")]
        return cls(names, columns[0], columns[1], columns[2], columns[3], columns[4])

    def take(self, at: Sequence[int]) -> RowBlock:
        """The rows at these places, in this order."""

        def of(column: Sequence[Any]) -> list[Any]:
            return [column[i] for i in at]

        places = of(self.places) if self.places else []
        columns = of(self.rows), of(self.labels), of(self.origins), of(self.times)
        return RowBlock(self.names, *columns, places)

    def features(self) -> Rows | list[dict[str, Any]]:
        """All rows, as a model takes them."""
        return join(self.rows, self.names)

    def encode(self, *, in_memory: bool = False) -> bytes:
        """The value of a record; ``decode`` reads it."""
        values: Any = self.rows if self.names is None else b"".join(self.rows)  # type: ignore[arg-type]
        columns = values, self.labels, self.origins, self.times
        return pack(_Packed(LAYOUT, in_memory, self.names, *columns))

    @classmethod
    def decode(cls, value: bytes | None) -> RowBlock:
        """A block as it was encoded, without places.

        Raises:
            BlockUnreadable: when it is none, or of another layout.
        """
        try:
            said: _Packed = _unpack(value or b"")  # a tombstone is no block
        except (msgspec.MsgspecError, IndexError) as error:
            raise BlockUnreadable(f"no block of rows: {error}") from error
        if not 1 <= said.layout <= LAYOUT:
            raise BlockUnreadable(f"a block of layout {said.layout}, not {LAYOUT}")
        times = said.times or [1] * len(said.labels)
        rows = _rows(said)
        if not len(rows) == len(said.labels) == len(said.origins) == len(times):
            raise BlockUnreadable("no block of rows: its columns are not of one length")
        columns = rows, said.labels, said.origins, times
        return cls(said.names, *columns, [], said.in_memory)


def blocks_to_learn(
    records: Sequence[Record], unreadable: list[Rejected]
) -> Iterator[tuple[int, RowBlock]]:
    """The block of each record, with its place among them.

    Those that were learned when they were written are passed over.

    Args:
        records: In order.
        unreadable: Gets those that are no block.
    """
    found = read_each(records, _decoded, BlockUnreadable, unreadable)
    return ((place, block) for place, block in found if not block.in_memory)


def _decoded(record: Record) -> RowBlock:
    return RowBlock.decode(record.value())


_unpack = unpacker(_Packed)


def _rows(said: _Packed) -> list[Row]:
    if isinstance(said.values, list):
        return list(said.values)
    size, values = 8 * len(said.names or ()), said.values
    if not size or len(values) != size * len(said.labels):
        raise BlockUnreadable(f"{len(values)} bytes for {len(said.labels)} rows of {size}")
    return [values[at : at + size] for at in range(0, len(values), size)]


@dataclass(frozen=True, slots=True)
class ForwardedRows:
    """Rows on their way to the learner.

    Attributes:
        topic: Of the rows.
        block: In the order in which they were labelled.
    """

    topic: str
    block: RowBlock

    @classmethod
    def joined(cls, parts: Sequence[ForwardedRows]) -> ForwardedRows:
        """All rows of a round, in the order of places."""
        block = RowBlock.joined([part.block for part in parts])
        order = np.argsort(np.array(block.places, np.int64), kind="stable")
        return cls(parts[0].topic, block.take(order.tolist()))

    def outgoing(self, *, in_memory: bool = False) -> list[Outgoing]:
        """The records to be written.

        Args:
            in_memory: Whether the learner has the rows at once, and passes over these records.
        """
        encode = partial(RowBlock.encode, in_memory=in_memory)
        found = blocks(self.block, len(self.block), encode, RowBlock.take)
        return [Outgoing(self.topic, None, v, 0, place=block.places[0]) for block, v in found]
