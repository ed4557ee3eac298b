"""Kafka Connect carries each committed prediction to an Iceberg table once, whatever is killed."""

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
from tests.stores.connectors import iceberg_connector
from tests.stores.servers import Server

psycopg = pytest.importorskip("psycopg", reason='psycopg (the extra "postgresql")')
pytest.importorskip("pyiceberg", reason='pyiceberg (the extra "iceberg")')

ICEBERG = "org.apache.iceberg.connect.IcebergSinkConnector"
COUNT, KILLS, PAUSE = 20_000, 5, 0.4


def test_iceberg_has_each_committed_prediction_once(
    kafka: str,
    topic_name: str,
    tmp_path: Path,
    postgresql_server: tuple[Server, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    server, url = postgresql_server
    with to_iceberg(kafka, tmp_path, topic_name, url) as (target, catalog):
        assert sinks(*target.words) == 0, capsys.readouterr().out

        target.survives(lambda: counted(catalog), COUNT, KILLS, server, PAUSE)

        found = rows(catalog)
        expected = {
            said["source"]["offset"]: said
            for said in map(msgspec.json.decode, target.values().values())
        }
        places = {row["source"]["offset"]: row for row in found}
        assert len(found) == len(places) == len(expected) == COUNT
        for offset, said in expected.items():
            nothing = dict.fromkeys(places[offset])
            assert places[offset] == nothing | said
        assert_poison_was_set_aside(target)


@contextmanager
def to_iceberg(
    bootstrap: str, folder: Path, name: str, server: str
) -> Iterator[tuple[Carried, str]]:
    """A pipeline with this connector, not registered yet, and the URL of its catalog.

    The catalog is a database of its own on a server of PostgreSQL.
    """
    catalog = _catalog(server)
    settings = {
        "connector": "iceberg",
        "table": "fraud.predictions",
        "tasks": 2,
        "commit": "2s",
        # What a task that was killed has begun ends soon.
        "settings": {"iceberg.kafka.transaction.timeout.ms": 10_000, **SOON},
        "catalog": {
            "catalog-impl": "org.apache.iceberg.jdbc.JdbcCatalog",
            "uri": f"jdbc:{catalog.replace('riverrun@', '')}",
            "jdbc.user": "riverrun",
            "warehouse": f"file://{folder}/warehouse",
        },
    }
    (folder / "connect").mkdir()
    plugins = {ICEBERG: iceberg_connector()}
    with connect(folder / "connect", bootstrap, f"{name}-connect", plugins) as made:
        yield carried(bootstrap, folder, name, made, settings), catalog


def _catalog(url: str) -> str:
    """A database of its own on a server, for the catalog."""
    name = f"c{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{url.rpartition('/')[0]}/{name}"


def counted(catalog: str) -> int:
    """How many rows there are; 0 while the catalog is away or has no table."""
    try:
        return int(table(catalog).scan().count())
    except (psycopg.Error, LookupError):
        return 0


def rows(catalog: str) -> list[dict[str, Any]]:
    """All of the table. PyIceberg reads a list that is null as an empty one."""
    found = table(catalog).scan().to_arrow().to_pylist()
    return [row | {"reasons": row["reasons"] or None} for row in found]


def table(catalog: str) -> Any:
    """The only table of a catalog, as it was last committed."""
    from pyiceberg.table import StaticTable

    with psycopg.connect(catalog) as connection:
        asked = "SELECT metadata_location FROM iceberg_tables"
        return StaticTable.from_metadata(connection.execute(asked).fetchall()[0][0])
