"""A Delta table. Rows and positions are one commit of its log.

The position of a partition is the version of an application transaction, as the protocol of Delta
has it ("Transaction Identifiers"). Two commits that both move one position are in conflict: the
log takes the first, and the second sees that the position has moved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema, Transaction, write_deltalake
from deltalake.exceptions import (
    CommitFailedError,
    DeltaError,
    SchemaMismatchError,
    TableNotFoundError,
)

from app.sinks.arrow import require_columns, schema_of, table_of
from app.sinks.columns import Column
from app.sinks.store import Moved, SchemaMismatch, Span, StoreAway, rows_in

TRIES = 20
"""Commits of others to the same table may come between; each try looks at the positions anew."""


class DeltaStore:
    """See `app.sinks.store.Store`.

    Args:
        url: Of the folder that the table lies in.
        table: Its folder there.
        identity: Of the sink, in the identifiers of the transactions.
        options: Of delta-rs: its storage options.
    """

    def __init__(self, url: str, table: str, identity: str, options: Mapping[str, Any]) -> None:
        self._url = f"{url.rstrip('/')}/{table}"
        self._identity = identity
        self._options = {name: str(value) for name, value in options.items()}
        self._columns: Sequence[Column] = ()

    def prepare(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        wanted = schema_of(columns)
        with self._explained():
            DeltaTable.create(self._url, wanted, mode="ignore", storage_options=self._options)
            table = self._table()
            missing = require_columns(self._url, pa.schema(table.schema().to_arrow()), wanted)
            if missing:
                table.alter.add_columns(Schema.from_arrow(pa.schema(missing)).fields)

    def positions(self, partitions: Sequence[int]) -> Mapping[int, int]:
        with self._explained():
            table = self._table()
            found = {n: table.transaction_version(self._name(n)) for n in partitions}
        return {n: position for n, position in found.items() if position is not None}

    def write(self, spans: Sequence[Span]) -> None:
        rows = table_of(self._columns, rows_in(spans))
        moves = [Transaction(self._name(span.partition), span.end) for span in spans]
        properties = CommitProperties(app_transactions=moves)
        for _ in range(TRIES):
            with self._explained():
                # The positions and the commit are of this one version of the table.
                table = self._table()
                self._require(table, spans)
                try:
                    write_deltalake(table, rows, mode="append", commit_properties=properties)
                    return
                except CommitFailedError:
                    continue
        raise StoreAway(f"{self._url}: {TRIES} commits met those of others")

    def close(self) -> None:
        """Nothing is held."""

    def _table(self) -> DeltaTable:
        return DeltaTable(self._url, storage_options=self._options)

    def _require(self, table: DeltaTable, spans: Sequence[Span]) -> None:
        for span in spans:
            there = table.transaction_version(self._name(span.partition)) or 0
            if there != span.begin:
                what = f"partition {span.partition} is at {there}, not at {span.begin}"
                raise Moved(f"{self._url}: another member has written: {what}")

    def _name(self, partition: int) -> str:
        return f"riverrun/{self._identity}/{partition}"

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except SchemaMismatchError as error:
            raise SchemaMismatch(f"{self._url}: {error}") from error
        except (DeltaError, TableNotFoundError, OSError) as error:
            raise StoreAway(f"{self._url}: {' '.join(str(error).split())}") from error
