"""A table of Cassandra, which has no transactions: the same row may be written again.

A row's key is the coordinates of its record, and its timestamp is the offset: to write it twice,
or late, changes nothing. Positions are written after their rows, with the position as the
timestamp, so the furthest one stays. A crash between the two writes the same rows again.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from cassandra import (
    AuthenticationFailed,
    ConsistencyLevel,
    DriverException,
    InvalidRequest,
    RequestValidationException,
    protocol,
)
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.policies import DCAwareRoundRobinPolicy, RoundRobinPolicy, TokenAwarePolicy
from cassandra.query import UNSET_VALUE

from app.secrecy import without_login
from app.sinks.columns import OFFSET, PARTITION, Column, Kind, Row
from app.sinks.store import Refused, SinkError, Span, StoreAway, missing_columns, rows_in
from app.sinks.writing import offset_of

POSITIONS = "riverrun_positions"
CONCURRENCY = 64
"""Requests under way at a time."""
SECONDS = 30.0

_TYPES: dict[Kind, tuple[str, ...]] = {
    "bool": ("boolean",),
    "int": ("bigint",),
    "float": ("double",),
    "text": ("text",),
    "json": ("text",),
    "time": ("timestamp",),
}
_NEVER = (AuthenticationFailed, RequestValidationException, protocol.RequestValidationException)
_AWAY = (NoHostAvailable, DriverException, protocol.ErrorMessage, OSError)


class CassandraStore:
    """See `app.sinks.store.Store`; `write` may have written rows when it fails, and never raises
    `Moved`.

    Args:
        url: `cassandra://user:password@host:port,host:port/keyspace`. The keyspace must be there.
        table: The table in it.
        identity: Of the sink, in the table of the positions.
        options: `local_dc`, and `consistency` (`LOCAL_QUORUM` unless given).
    """

    def __init__(self, url: str, table: str, identity: str, options: Mapping[str, Any]) -> None:
        self._shown = f"{without_login(url)} {table}"
        self._url, self._table, self._identity, self._options = url, table, identity, options
        self._keyspace = urlsplit(url).path.strip("/")
        self._rows = f'"{self._keyspace}"."{table}"'
        self._positions = f'"{self._keyspace}".{POSITIONS}'
        self._columns: Sequence[Column] = ()
        self._cluster: Any = None
        self._session: Any = None
        self._insert: Any = None

    def prepare(self, columns: Sequence[Column]) -> None:
        self.close()
        self._columns = columns
        with self._explained():
            self._connect()
            self._make()
            self._add_columns()
            names = ", ".join(f'"{column.name}"' for column in columns)
            marks = ", ".join("?" for _ in columns)
            self._insert = self._session.prepare(
                f"INSERT INTO {self._rows} ({names}) VALUES ({marks}) USING TIMESTAMP ?"  # nosec B608
            )

    def positions(self, partitions: Sequence[int]) -> Mapping[int, int]:
        asked = f"SELECT partition, position FROM {self._positions} WHERE sink = %s"  # nosec B608
        with self._explained():
            found = {row[0]: row[1] for row in self._session.execute(asked, (self._identity,))}
        return {number: found[number] for number in partitions if number in found}

    def write(self, spans: Sequence[Span]) -> None:
        moved = f"UPDATE {self._positions} USING TIMESTAMP %s SET position = %s"  # nosec B608
        where = "WHERE sink = %s AND partition = %s"
        rows = [_stamped(row) for row in rows_in(spans)]
        with self._explained():
            # 1. the rows, 2. only then the positions
            execute_concurrent_with_args(self._session, self._insert, rows, CONCURRENCY)
            for span in spans:
                values = (span.end, span.end, self._identity, span.partition)
                self._session.execute(f"{moved} {where}", values)

    def close(self) -> None:
        if self._cluster is not None:
            self._cluster.shutdown()
            self._cluster = self._session = None

    def _connect(self) -> None:
        parts = urlsplit(self._url)
        login, _, hosts = parts.netloc.rpartition("@")
        user, _, password = login.partition(":")
        places = [host.partition(":")[::2] for host in hosts.split(",")]
        auth = PlainTextAuthProvider(unquote(user), unquote(password)) if login else None
        level = str(self._options.get("consistency", "LOCAL_QUORUM"))
        local = self._options.get("local_dc")
        near = DCAwareRoundRobinPolicy(str(local)) if local else RoundRobinPolicy()
        profile = ExecutionProfile(
            load_balancing_policy=TokenAwarePolicy(near),
            consistency_level=ConsistencyLevel.name_to_value[level],
            request_timeout=SECONDS,
        )
        self._cluster = Cluster(
            [(host, int(port or 9042)) for host, port in places],
            auth_provider=auth,
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
            connect_timeout=10,
        )
        self._session = self._cluster.connect()

    def _make(self) -> None:
        declared = ", ".join(f'"{c.name}" {_TYPES[c.kind][0]}' for c in self._columns)
        # One partition of Cassandra a row: those of Kafka would grow without bounds.
        key = f'PRIMARY KEY (("{PARTITION}", "{OFFSET}"))'
        self._session.execute(f"CREATE TABLE IF NOT EXISTS {self._rows} ({declared}, {key})")
        self._session.execute(
            f"CREATE TABLE IF NOT EXISTS {self._positions}"
            " (sink text, partition int, position bigint, PRIMARY KEY (sink, partition))"
        )

    def _add_columns(self) -> None:
        asked = (
            "SELECT column_name, type FROM system_schema.columns"
            " WHERE keyspace_name = %s AND table_name = %s"
        )
        there = dict(self._session.execute(asked, (self._keyspace, self._table)))
        for column in missing_columns(self._shown, there, self._columns, _TYPES):
            kind = _TYPES[column.kind][0]
            self._session.execute(f'ALTER TABLE {self._rows} ADD "{column.name}" {kind}')

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (InvalidRequest, TypeError, ValueError, OverflowError, struct.error) as error:
            raise Refused(str(error)) from error
        except _NEVER as error:
            raise SinkError(f"{self._shown}: {error}") from error
        except _AWAY as error:
            refused = [e for e in getattr(error, "errors", {}).values() if _is_login(e)]
            kind = SinkError if refused else StoreAway
            raise kind(f"{self._shown}: {refused[0] if refused else error}") from error


def _stamped(row: Row) -> tuple[Any, ...]:
    """A row with its timestamp. A null would be kept as a tombstone: it is left out."""
    return (*(UNSET_VALUE if value is None else value for value in row), offset_of(row) + 1)


def _is_login(error: Any) -> bool:
    return isinstance(error, AuthenticationFailed)
