"""A table of Amazon Redshift, over PostgreSQL's wire. Rows and positions are one transaction.

Redshift enforces no key, and has neither COPY from the client nor ON CONFLICT. So each transaction
first locks the table of the positions, which lets members write one after the other. Then it
compares and moves its positions, puts the rows into a temporary table, and merges them from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import psycopg
from psycopg import sql

from app.sinks.columns import OFFSET, PARTITION, Kind, Row
from app.sinks.store import Moved, SinkError, Span, StoreAway, rows_in
from app.sinks.stores.postgresql import PostgreSQLStore

STAGE = sql.Identifier("riverrun_stage")
PARAMETERS = 30_000
"""Of one statement; Redshift takes 32,767."""

_TYPES: dict[Kind, tuple[str, ...]] = {
    "bool": ("boolean",),
    "int": ("bigint", "integer", "numeric"),
    "float": ("double precision", "real", "numeric"),
    # `text` is a varchar(256) there.
    "text": ("varchar(65535)", "character varying"),
    "json": ("varchar(65535)", "character varying"),
    "time": ("timestamptz", "timestamp with time zone"),
}
_AGAIN = ("23505", "42P07")
"""Another member makes the table at the same time."""
_CONFLICT = "erializable isolation violation"
"""Of two transactions, without a SQLSTATE of its own; another try has other positions."""


class RedshiftStore(PostgreSQLStore):
    """See `app.sinks.store.Store`; arguments as of PostgreSQL.

    A text, or JSON, of more than 65,535 bytes is refused.
    """

    TYPES = _TYPES
    DEFAULTS: Mapping[str, Any] = {
        **PostgreSQLStore.DEFAULTS,
        "client_encoding": "UTF8",  # Redshift calls it UNICODE, which psycopg does not know
        "prepare_threshold": None,  # nor does it know DEALLOCATE ALL
    }

    def positions(self, partitions: Sequence[int]) -> Mapping[int, int]:
        with self._explained(), self._open.transaction():
            self._lock()
            found = self._known()
            for number in partitions:
                if number not in found:
                    found[number] = self._first(number)
        return {number: found[number] for number in partitions}

    def write(self, spans: Sequence[Span]) -> None:
        with self._explained(), self._open.transaction():
            # 1. nobody else writes from here on
            self._lock()
            # 2. from where they are
            known = self._known()
            for span in spans:
                self._move_from(known.get(span.partition), span)
            # 3. the rows
            if rows := rows_in(spans):
                self._merge(rows)

    def _take_turns(self) -> None:
        self._make_positions()
        self._lock()

    def _lock(self) -> None:
        """The snapshot of a transaction is taken after this: it sees what others have written."""
        self._run(sql.SQL("LOCK TABLE {positions}"))

    def _there(self) -> dict[str, str]:
        asked = (
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_name = %s AND table_schema = "
        )
        *schema, table = self._parts
        if schema:
            return dict(self._open.execute(f"{asked} %s", (table, *schema)).fetchall())
        return dict(self._open.execute(f"{asked} current_schema()", (table,)).fetchall())

    def _known(self) -> dict[int, int]:
        asked = sql.SQL("SELECT partition, position FROM {positions} WHERE sink = %s")
        return dict(self._run(asked, (self._identity,)).fetchall())

    def _first(self, number: int) -> int:
        """The position of a partition that has none yet, from the rows."""
        newest = sql.SQL("SELECT max({offset}) FROM {table} WHERE {partition} = %s")
        ((at,),) = self._run(newest, (number,)).fetchall()
        position = 0 if at is None else int(at) + 1
        made = sql.SQL("INSERT INTO {positions} VALUES (%s, %s, %s)")
        self._run(made, (self._identity, number, position))
        return position

    def _move_from(self, known: int | None, span: Span) -> None:
        if known != span.begin:
            what = f"partition {span.partition} is at {known}, not at {span.begin}"
            raise Moved(f"{self._shown}: another member has written: {what}")
        moved = "UPDATE {positions} SET position = %s WHERE sink = %s AND partition = %s"
        self._run(sql.SQL(moved), (span.end, self._identity, span.partition))

    def _merge(self, rows: Sequence[Row]) -> None:
        made = sql.SQL("CREATE TEMPORARY TABLE {} (LIKE {})")
        self._open.execute(made.format(STAGE, self._table))
        self._fill(rows)
        self._open.execute(self._merging)
        self._open.execute(sql.SQL("DROP TABLE {}").format(STAGE))

    def _fill(self, rows: Sequence[Row]) -> None:
        row = sql.SQL("({})").format(sql.SQL(", ").join([sql.Placeholder()] * len(self._columns)))
        into = sql.SQL("INSERT INTO {} ({}) VALUES {}")
        made, size = self._values(rows), PARAMETERS // len(self._columns)
        while part := list(islice(made, size)):
            many = sql.SQL(", ").join([row] * len(part))
            values = [value for each in part for value in each]
            self._open.execute(into.format(STAGE, self._names, many), values)

    @property
    def _merging(self) -> sql.Composed:
        """One that is there already is written again, as where positions were deleted."""
        table = sql.Identifier(self._parts[-1])
        names = [sql.Identifier(column.name) for column in self._columns]
        fresh = [sql.SQL("{}.{}").format(STAGE, name) for name in names]
        same = sql.SQL("{}.{name} = {}.{name}")
        keys = [same.format(table, STAGE, name=sql.Identifier(n)) for n in (PARTITION, OFFSET)]
        pairs = [sql.SQL("{} = {}").format(*pair) for pair in zip(names, fresh, strict=True)]
        return sql.SQL(
            "MERGE INTO {} USING {} ON {} WHEN MATCHED THEN UPDATE SET {}"
            " WHEN NOT MATCHED THEN INSERT ({}) VALUES ({})"
        ).format(
            *(self._table, STAGE, sql.SQL(" AND ").join(keys), sql.SQL(", ").join(pairs)),
            *(self._names, sql.SQL(", ").join(fresh)),
        )

    def _as_ours(self, error: psycopg.Error) -> SinkError:
        if error.sqlstate in _AGAIN or _CONFLICT in str(error):
            return StoreAway(f"{self._shown}: {' '.join(str(error).split())}")
        return super()._as_ours(error)
