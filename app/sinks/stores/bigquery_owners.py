"""The table of BigQuery that says which stream each partition has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.sinks.store import SinkError

NAME = "riverrun_streams"
_FIELDS = "name, sink, partition, stream, position"

Query = Callable[..., list[Any]]
"""Runs a statement with parameters by name, and returns rows."""


@dataclass(frozen=True, slots=True)
class Owned:
    """Who writes a partition: its stream, and a position that it is at, or past."""

    stream: str = ""
    position: int = 0


class Owners:
    """The rows of one table's streams.

    Args:
        query: Runs a statement.
        dataset: "project.dataset".
        table: Whose streams.
        sink: Who alone may write it.
    """

    def __init__(self, query: Query, dataset: str, table: str, sink: str) -> None:
        self._query, self._table, self._sink = query, table, sink
        self._name = f"{dataset}.{NAME}"

    def make(self) -> None:
        """Make the table, with the row that all change who put a stream.

        Statements that only insert do not hinder each other in BigQuery; of two that change one
        row it lets one through.
        """
        self._query(
            f"CREATE TABLE IF NOT EXISTS `{self._name}` AS SELECT '' AS name,"
            " '' AS sink, -1 AS partition, '' AS stream, 0 AS position"
        )

    def known(self) -> dict[int, Owned]:
        """By partition.

        Raises:
            SinkError: Another sink writes the table.
        """
        asked = f"SELECT partition, stream, position, sink FROM `{self._name}` WHERE name = @name"  # nosec B608
        found = {}
        for number, stream, position, sink in self._query(asked, name=self._table):
            if sink != self._sink:
                what = f"has the rows of another sink, {sink}: name another table"
                raise SinkError(f"{self._table}: {what}")
            found[number] = Owned(stream, position)
        return found

    def put(self, new: Mapping[int, str], seen: Mapping[int, Owned]) -> None:
        """Put new streams, each where the one that was seen still is."""
        values: dict[str, Any] = {"name": self._table, "sink": self._sink}
        taken = ["SELECT '' AS name, '' AS sink, -1 AS partition, '' AS seen, @sink AS stream"]
        for number, stream in new.items():
            taken.append(f"SELECT @name, @sink, {number}, @seen{number}, @stream{number}")
            values |= {f"seen{number}": seen[number].stream, f"stream{number}": stream}
        self._query(
            f"MERGE `{self._name}` t USING ({' UNION ALL '.join(taken)}) s"  # nosec B608
            " ON t.name = s.name AND t.partition = s.partition"
            " WHEN MATCHED AND (t.partition = -1 OR t.stream = s.seen)"
            " THEN UPDATE SET stream = s.stream"
            f" WHEN NOT MATCHED AND s.seen = '' THEN INSERT ({_FIELDS})"
            " VALUES (s.name, s.sink, s.partition, s.stream, 0)",
            **values,
        )

    def move(self, number: int, to: Owned) -> None:
        """Move the position of a partition, if it still has this stream."""
        self._query(
            f"UPDATE `{self._name}` SET position = @position"  # nosec B608
            " WHERE name = @name AND partition = @partition AND stream = @stream",
            position=to.position,
            name=self._table,
            partition=number,
            stream=to.stream,
        )
