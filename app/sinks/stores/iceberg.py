"""An Iceberg table, by its catalog. Rows and positions are one commit.

The position of a partition is a property of the table, set in the transaction that appends the
rows: unlike the summary of a snapshot it outlives other writers and the expiry of snapshots.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    TableAlreadyExistsError,
    ValidationError,
)
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.table import Table, TableProperties

from app.sinks.arrow import require_columns, schema_of, table_of
from app.sinks.columns import Column
from app.sinks.store import Moved, SchemaMismatch, Span, StoreAway, rows_in

TRIES = 20
"""Commits of others to the same table may come between; each try looks at the positions anew."""


class IcebergStore:
    """See `app.sinks.store.Store`.

    Args:
        url: Of the catalog, such as `https://catalog.example` or `sqlite:////data/catalog.db`.
        table: "namespace.table"; the namespace `riverrun` unless given.
        identity: Of the sink, in the names of the properties.
        options: Of the catalog and its file system, such as `warehouse`.
    """

    def __init__(self, url: str, table: str, identity: str, options: Mapping[str, Any]) -> None:
        self._url = url
        namespace, _, name = table.rpartition(".")
        self._name = (namespace or "riverrun", name)
        self._prefix = f"riverrun.position.{identity}."
        self._options = {name: str(value) for name, value in options.items()}
        self._columns: Sequence[Column] = ()
        self._catalog: Catalog | None = None

    def prepare(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        wanted = schema_of(columns)
        with self._explained():
            self._catalog = load_catalog(self._name[0], uri=self._url, **self._options)
            table = self._made(wanted)
            there = schema_to_pyarrow(table.schema())
            missing = require_columns(".".join(self._name), there, wanted)
            if missing:
                with table.update_schema() as update:
                    update.union_by_name(pa.schema(missing))

    def positions(self, partitions: Sequence[int]) -> Mapping[int, int]:
        with self._explained():
            found = self._table().properties
        names = {n: f"{self._prefix}{n}" for n in partitions}
        return {n: int(found[name]) for n, name in names.items() if name in found}

    def write(self, spans: Sequence[Span]) -> None:
        rows = table_of(self._columns, rows_in(spans))
        moves = {f"{self._prefix}{span.partition}": str(span.end) for span in spans}
        for _ in range(TRIES):
            with self._explained():
                table = self._table()
                self._require(table, spans)
                _never_rebase(table)
                try:
                    with table.transaction() as transaction:
                        transaction.append(rows)
                        transaction.set_properties(moves)
                    return
                except CommitFailedException:
                    continue
        raise StoreAway(f"{'.'.join(self._name)}: {TRIES} commits met those of others")

    def close(self) -> None:
        if self._catalog is not None:
            self._catalog.close()
            self._catalog = None

    def _made(self, schema: Any) -> Table:
        assert self._catalog is not None
        if self._catalog.table_exists(self._name):
            return self._catalog.load_table(self._name)
        with suppress(NamespaceAlreadyExistsError):
            self._catalog.create_namespace(self._name[0])
        try:
            return self._catalog.create_table(self._name, schema)
        except TableAlreadyExistsError:
            return self._catalog.load_table(self._name)

    def _table(self) -> Table:
        assert self._catalog is not None, "prepare first"
        return self._catalog.load_table(self._name)

    def _require(self, table: Table, spans: Sequence[Span]) -> None:
        for span in spans:
            there = int(table.properties.get(f"{self._prefix}{span.partition}", 0))
            if there != span.begin:
                what = f"partition {span.partition} is at {there}, not at {span.begin}"
                raise Moved(f"{'.'.join(self._name)}: another member has written: {what}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (StoreAway, SchemaMismatch, Moved):
            raise
        except ValidationError as error:
            raise SchemaMismatch(f"{'.'.join(self._name)}: {error}") from error
        except Exception as error:  # each catalog and file system has errors of its own
            raise StoreAway(f"{'.'.join(self._name)}: {' '.join(str(error).split())}") from error


def _never_rebase(table: Table) -> None:
    """Let a commit fail that lost a race.

    PyIceberg would otherwise append it to the newer snapshot: then rows of a member that was
    fenced would be in. The setting is not sent to the catalog; other writers keep theirs.
    """
    table.metadata.properties[TableProperties.COMMIT_NUM_RETRIES] = "0"
