"""Kafka Connect carries each committed prediction to a database once, whatever is killed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.stores.carried import SOON, Carried, assert_poison_was_set_aside, carried, sinks
from tests.stores.connect import connect
from tests.stores.connectors import debezium_connector
from tests.stores.servers import Server
from topics.connect_json import ConnectJsonCodec
from topics.records import Prediction

psycopg = pytest.importorskip("psycopg", reason='psycopg (the extra "postgresql")')

JDBC = "io.debezium.connector.jdbc.JdbcSinkConnector"
COUNT, KILLS, PAUSE = 20_000, 5, 0.4


_encode = ConnectJsonCodec(Prediction).encode


def with_schema(said: dict[str, Any]) -> bytes:
    """A prediction in JSON with its schema."""
    return _encode(msgspec.convert(said, Prediction))


def test_a_database_has_each_committed_prediction_once(
    kafka: str,
    topic_name: str,
    tmp_path: Path,
    postgresql_server: tuple[Server, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    server, url = postgresql_server
    with to_a_database(kafka, tmp_path, topic_name, url) as (target, table):
        assert sinks(*target.words) == 0, capsys.readouterr().out

        target.survives(lambda: counted(url, table), COUNT, KILLS, server, PAUSE)

        expected = {
            row["source_offset"]: row
            for row in map(flat, map(msgspec.json.decode, target.values().values()))
        }
        found = rows(url, table)
        places = {row["source_offset"]: row for row in found}
        assert len(found) == len(places) == len(expected) == COUNT
        assert places == expected
        assert_poison_was_set_aside(target)


@contextmanager
def to_a_database(
    bootstrap: str, folder: Path, name: str, server: str
) -> Iterator[tuple[Carried, str]]:
    """A pipeline with this connector to PostgreSQL, not registered yet, and its table."""
    table = f"t{uuid.uuid4().hex}"
    settings = {
        "connector": "jdbc",
        "url": f"jdbc:{server.replace('riverrun@', '')}",
        "user": "riverrun",
        "password": "${env:HOME}",  # any: this server trusts whoever asks
        "table": table,
        "tasks": 2,
        "settings": SOON,
    }
    said = {"topic": f"{name}.predictions.v1", "format": "connect-json"}
    (folder / "connect").mkdir()
    plugins = {JDBC: debezium_connector()}
    with connect(folder / "connect", bootstrap, f"{name}-connect", plugins) as made:
        target = carried(
            *(bootstrap, folder, name, made, settings), encode=with_schema, predictions=said
        )
        yield target, table


def flat(value: dict[str, Any]) -> dict[str, Any]:
    """The row of a record."""
    row: dict[str, Any] = {}
    for name, each in value["payload"].items():
        inner = each if isinstance(each, dict) else {}
        row |= {f"{name}_{key}": one for key, one in inner.items()} or {name: each}
    return row


def counted(url: str, table: str) -> int:
    """How many rows there are; 0 while the server is away or has no such table."""
    try:
        with psycopg.connect(url) as connection:
            ((count,),) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
            return int(count)
    except psycopg.Error:
        return 0


def rows(url: str, table: str) -> list[dict[str, Any]]:
    """All of a table."""
    from psycopg.rows import dict_row

    with psycopg.connect(url, row_factory=dict_row) as connection:
        found: list[dict[str, Any]] = connection.execute(f"SELECT * FROM {table}").fetchall()
    return found
