"""A table of PostgreSQL. Rows and positions are one transaction.

Each transaction moves the positions of its partitions first, from where it believes them to be:
a row of `riverrun_positions` that is elsewhere is not found, and everything is rolled back. A
second writer at the same position waits for the first one, and then does not find it either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from app.secrecy import without_login
from app.sinks.columns import OFFSET, PARTITION, Column, Kind, Row
from app.sinks.store import Moved, Refused, SinkError, Span, StoreAway, missing_columns, rows_in

POSITIONS = "riverrun_positions"

_TYPES: dict[Kind, tuple[str, ...]] = {
    "bool": ("boolean",),
    "int": ("bigint", "integer", "numeric"),
    "float": ("double precision", "real", "numeric"),
    "text": ("text", "character varying"),
    "json": ("jsonb", "json", "text"),
    "time": ("timestamp with time zone",),
}
"""What a column may be; the first is what is made."""

_DEFAULTS = {"connect_timeout": "10", "tcp_user_timeout": "30000", "application_name": "riverrun"}
_REFUSED = ("22", "23", "44", "54", "P0")
"""Classes of SQLSTATE: data, integrity, check options, limits of a row, raised by a trigger."""
_NEVER = ("28", "3D", "42")
"""Another try would not help: logins, databases, rights and names."""
_REFUSED_LOGIN = re.compile(
    "authentication failed|does not exist|no pg_hba.conf entry|no password supplied|not permitted"
)
"""libpq tells no SQLSTATE while it connects. In another language a wrong login counts as away."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PostgreSQLStore:
    """See `app.sinks.store.Store`.

    Args:
        url: `postgresql://user:password@host:port/database`, as libpq has it.
        table: "schema.table", or a table of the first schema of the search path.
        identity: Of the sink, in the table of the positions.
        options: Of libpq, such as `sslmode`.
    """

    TYPES = _TYPES
    DEFAULTS: Mapping[str, Any] = _DEFAULTS

    def __init__(self, url: str, table: str, identity: str, options: Mapping[str, Any]) -> None:
        parts = table.split(".")
        self._url = url
        self._options = {**self.DEFAULTS, **options}
        self._shown = f"{without_login(url)} {table}"
        self._identity = identity
        self._parts = parts
        self._table = sql.Identifier(*parts)
        self._positions = sql.Identifier(*parts[:-1], POSITIONS)
        self._columns: Sequence[Column] = ()
        self._connection: psycopg.Connection[Any] | None = None

    def prepare(self, columns: Sequence[Column]) -> None:
        self.close()
        self._columns = columns
        with self._explained():
            given = {**self._options, **conninfo_to_dict(self._url)}
            self._connection = psycopg.connect(**given)
            with self._connection.transaction():
                # Two members that both make a table would be in each other's way.
                self._take_turns()
                self._make()
                self._add_columns()

    def positions(self, partitions: Sequence[int]) -> Mapping[int, int]:
        first = sql.SQL(
            "INSERT INTO {positions} SELECT %s, %s, coalesce((SELECT max({offset}) + 1"
            " FROM {table} WHERE {partition} = %s), 0) ON CONFLICT DO NOTHING"
        )
        asked = sql.SQL("SELECT partition, position FROM {positions} WHERE sink = %s")
        with self._explained(), self._open.transaction():
            for number in partitions:
                self._run(first, (self._identity, number, number))
            found = dict(self._run(asked, (self._identity,)).fetchall())
        return {number: found[number] for number in partitions}

    def write(self, spans: Sequence[Span]) -> None:
        with self._explained(), self._open.transaction():
            # 1. in one order, so that no two members wait for each other
            for span in sorted(spans, key=lambda span: span.partition):
                self._move(span)
            # 2. under the lock of the positions
            self._copy(rows_in(spans))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def _open(self) -> psycopg.Connection[Any]:
        assert self._connection is not None, "prepare first"
        return self._connection

    def _run(self, query: sql.SQL, values: Sequence[Any] = ()) -> psycopg.Cursor[Any]:
        made = query.format(
            table=self._table,
            positions=self._positions,
            partition=sql.Identifier(PARTITION),
            offset=sql.Identifier(OFFSET),
        )
        return self._open.execute(made, values)

    def _take_turns(self) -> None:
        self._run(sql.SQL("SELECT pg_advisory_xact_lock(7231911)"))

    def _make(self) -> None:
        columns = sql.SQL(", ").join(self._declared(column) for column in self._columns)
        made = sql.SQL("CREATE TABLE IF NOT EXISTS {} ({}, PRIMARY KEY ({}, {}))").format(
            self._table, columns, sql.Identifier(PARTITION), sql.Identifier(OFFSET)
        )
        self._open.execute(made)
        self._make_positions()

    def _make_positions(self) -> None:
        text = self.TYPES["text"][0]
        self._run(
            sql.SQL(
                f"CREATE TABLE IF NOT EXISTS {{positions}} (sink {text}, partition integer,"
                " position bigint NOT NULL, PRIMARY KEY (sink, partition))"
            )
        )

    def _there(self) -> dict[str, str]:
        """The type of each column of the table."""
        asked = (
            "SELECT attname, split_part(format_type(atttypid, atttypmod), '(', 1)"
            " FROM pg_attribute WHERE attrelid = to_regclass(%s)"
            " AND attnum > 0 AND NOT attisdropped"
        )
        return dict(self._open.execute(asked, (self._table.as_string(),)).fetchall())

    def _add_columns(self) -> None:
        cure = "alter it, or name another table"
        for column in missing_columns(self._shown, self._there(), self._columns, self.TYPES, cure):
            added = sql.SQL("ALTER TABLE {} ADD COLUMN {}")
            self._open.execute(added.format(self._table, self._declared(column)))

    def _declared(self, column: Column) -> sql.Composed:
        kind = sql.SQL(self.TYPES[column.kind][0])
        return sql.SQL("{} {}").format(sql.Identifier(column.name), kind)

    def _move(self, span: Span) -> None:
        moved = self._run(
            sql.SQL(
                "UPDATE {positions} SET position = %s"
                " WHERE sink = %s AND partition = %s AND position = %s"
            ),
            (span.end, self._identity, span.partition, span.begin),
        )
        if moved.rowcount != 1:
            what = f"partition {span.partition} is no more at {span.begin}"
            raise Moved(f"{self._shown}: another member has written: {what}")

    def _copy(self, rows: Sequence[Row]) -> None:
        into = sql.SQL("COPY {} ({}) FROM STDIN").format(self._table, self._names)
        with self._open.cursor() as cursor, cursor.copy(into) as copy:
            for values in self._values(rows):
                copy.write_row(values)

    @property
    def _names(self) -> sql.Composed:
        return sql.SQL(", ").join(sql.Identifier(column.name) for column in self._columns)

    def _values(self, rows: Sequence[Row]) -> Iterator[list[Any]]:
        """The values of each row as psycopg takes them."""
        times = [i for i, column in enumerate(self._columns) if column.kind == "time"]
        for row in rows:
            values: list[Any] = list(row)
            for i in times:
                if values[i] is not None:
                    values[i] = _EPOCH + timedelta(milliseconds=values[i])
            yield values

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OverflowError, UnicodeEncodeError) as error:
            raise Refused(str(error)) from error
        except psycopg.Error as error:
            raise self._as_ours(error) from error

    def _as_ours(self, error: psycopg.Error) -> SinkError:
        state, text = error.sqlstate or "", " ".join(str(error).split())
        if state.startswith(_REFUSED) or isinstance(error, psycopg.DataError):
            return Refused(text)
        is_away = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        refused = state.startswith(_NEVER) or (not state and _REFUSED_LOGIN.search(text))
        kind = StoreAway if is_away and not refused else SinkError
        return kind(f"{self._shown}: {text}")
