"""Redshift, against PostgreSQL as its stand-in: the contract, refused rows, MERGE, and kills."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from app.sinks.store import Refused, Span
from app.sinks.writing import write
from tests.app.sinks.contract import CHECKS, Kit, offsets, positions, prepared, row, span
from tests.kafka.sinks import COUNT, KILLS, PACE, survives, with_sink
from tests.stores.redshift import MISSING, Redshift, statements
from tests.stores.servers import Server

psycopg = pytest.importorskip("psycopg", reason='psycopg (the extra "redshift")')

Running = tuple[Server, str]


@pytest.fixture
def kit(postgresql_server: Running) -> Redshift:
    url = postgresql_server[1]
    with psycopg.connect(url) as connection:
        if connection.info.server_version < 150_000:
            pytest.skip("PostgreSQL before 15 has no MERGE")
    return Redshift(url, f"t{uuid.uuid4().hex}")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_store_keeps_the_contract(kit: Redshift, check: Callable[[Kit], None]) -> None:
    check(kit)


def test_nothing_is_asked_that_redshift_does_not_have(
    postgresql_server: Running, kit: Redshift
) -> None:
    store = prepared(kit)
    store.write([span(0, 0, 3)])
    store.close()

    asked = statements(postgresql_server[0])
    assert any(each.startswith("MERGE INTO") for each in asked)
    assert [each for each in asked if MISSING.search(each)] == []


def test_a_table_in_a_schema_is_found_with_its_columns(kit: Redshift) -> None:
    with psycopg.connect(kit.url) as connection:
        connection.execute(f"CREATE SCHEMA s{kit.table}")
    store = prepared(Redshift(kit.url, f"s{kit.table}.rows"))
    store.write([span(0, 0, 3)])
    store.close()

    again = prepared(Redshift(kit.url, f"s{kit.table}.rows"))
    assert positions(again, 0) == {0: 3}
    again.close()


def test_rows_that_are_there_are_merged_not_added(kit: Redshift) -> None:
    """Nothing enforces a key there: not even a position that was put back doubles a row."""
    store = prepared(kit)
    store.write([span(0, 0, 5)])
    with psycopg.connect(kit.url) as connection:
        connection.execute(f"ALTER TABLE {kit.table} DROP CONSTRAINT {kit.table}_pkey")
        connection.execute("DELETE FROM riverrun_positions")
    assert positions(store, 0) == {0: 5}, "found again from the rows"
    with psycopg.connect(kit.url) as connection:
        connection.execute("UPDATE riverrun_positions SET position = 2")

    store.write([span(0, 2, 7)])

    assert offsets(kit) == [(0, at) for at in range(7)]
    store.close()


def test_rows_that_the_store_refuses_are_set_aside_and_the_others_are_in(kit: Redshift) -> None:
    store = prepared(kit)
    rows = [row(0, at) for at in range(20)]
    rows[7] = row(0, 7, id="nul \0 byte")
    rows[8] = row(0, 8, version=2**70)
    rows[19] = row(0, 19, reasons="x" * 65_536)
    aside: dict[int, str] = {}

    def set_aside(partition: int, offset: int, error: Refused) -> None:
        aside[offset] = str(error)

    write(store, [Span(0, 0, 22, rows), span(1, 0, 2)], set_aside)

    assert positions(store, 0, 1) == {0: 22, 1: 2}
    assert [at for number, at in offsets(kit) if number == 0] == [
        at for at in range(20) if at not in (7, 8, 19)
    ]
    assert "NUL" in aside[7]
    assert "out of range" in aside[8]
    assert "value too long for type character varying(65535)" in aside[19]
    store.close()


def test_kills_of_the_sink_and_of_the_server_lose_and_double_nothing(
    kafka: str, postgresql_server: Running, kit: Redshift, tmp_path: Path, topic_name: str
) -> None:
    stream = with_sink(kafka, tmp_path, topic_name, **kit.sink, **PACE)

    survives(stream, kit, COUNT, KILLS, server=postgresql_server[0].restart)
