"""What a sink asks of a store, and what a store answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.errors import RiverrunError
from app.sinks.columns import Column, Kind, Row


class SinkError(RiverrunError):
    """What a sink cannot do, in one line."""


class SchemaMismatch(SinkError):
    """A table that cannot take the rows. Nothing was written."""


class StoreAway(SinkError, ConnectionError):
    """The store did not answer, or has no room: whether it has written is not known."""


class Refused(SinkError):
    """Rows that the store does not take, in its own words. It has written nothing."""


class Moved(SinkError):
    """Another member of the group has written on from a position. This one wrote nothing."""


@dataclass(frozen=True, slots=True)
class Span:
    """The rows of one partition between two positions; both are offsets.

    Attributes:
        partition: Of the topic.
        begin: Where the store must stand for this to be written.
        end: Where it stands afterwards: one more than the offset of the last record.
        rows: In the order of their offsets; records that were set aside are left out.
    """

    partition: int
    begin: int
    end: int
    rows: Sequence[Row]


def rows_in(spans: Iterable[Span]) -> list[Row]:
    """The rows of all spans, in their order."""
    return [row for span in spans for row in span.rows]


def missing_columns(
    where: str,
    there: Mapping[str, str],
    columns: Iterable[Column],
    types: Mapping[Kind, Sequence[str]],
    cure: str = "name another table",
) -> list[Column]:
    """The columns that a table does not have yet.

    Args:
        where: The table, in errors.
        there: The types of its columns, by name.
        columns: What it is to have.
        types: What a column of each kind may be in this store; the first one is what is made.
        cure: What to do where a column is another.

    Raises:
        SchemaMismatch: One is there with another type.
    """
    wanted = list(columns)
    for column in wanted:
        known = types[column.kind]
        if there.get(column.name, known[0]) not in known:
            raise SchemaMismatch(
                f"{where}: column {column.name} is {there[column.name]}, and must be {known[0]}:"
                f" {cure}"
            )
    return [column for column in wanted if column.name not in there]


class Store(Protocol):
    """A table in a store, with a position for each partition: the offset that comes next.

    Rows and positions are written together. That is what makes a record count once: a write
    whose `begin` is not the position of its partition is refused with `Moved`, whoever asks.
    After `StoreAway` the positions say what was written.
    """

    def prepare(self, columns: Sequence[Column]) -> None:
        """Connect; make the table, or add the columns that are new to it.

        Raises:
            SchemaMismatch: A column is there with another type.
            StoreAway: The store does not answer.
            SinkError: It refuses; another try would not help.
        """
        ...

    def positions(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """Where each partition stands; 0 where nothing was written. Errors as `prepare`."""
        ...

    def write(self, spans: Sequence[Span]) -> None:
        """Write all spans, at most one a partition, and move the positions; or do nothing.

        Raises:
            Moved, Refused, StoreAway: See there.
        """
        ...

    def close(self) -> None:
        """Leave the store. Never raises; `prepare` connects again."""
        ...
