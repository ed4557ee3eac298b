"""PostgreSQL: the contract of stores, refused rows, and kills of the sink and of the server."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from app.sinks.store import Refused, SinkError, Span, StoreAway
from app.sinks.writing import write
from tests.app.sinks.contract import CHECKS, Kit, offsets, positions, prepared, row, span
from tests.kafka.running import wait_until
from tests.kafka.sinks import COUNT, KILLS, PACE, committed, send, sinks, survives, with_sink
from tests.kafka.support import read_committed
from tests.stores.postgresql import PostgreSQL
from tests.stores.servers import Server
from topics.dead_letters import reason

psycopg = pytest.importorskip("psycopg", reason='psycopg (the extra "postgresql")')

Running = tuple[Server, str]


@pytest.fixture
def kit(postgresql_server: Running) -> PostgreSQL:
    return PostgreSQL(postgresql_server[1], f"t{uuid.uuid4().hex}")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_store_keeps_the_contract(kit: PostgreSQL, check: Callable[[Kit], None]) -> None:
    check(kit)


def test_rows_that_the_store_refuses_are_set_aside_and_the_others_are_in(kit: PostgreSQL) -> None:
    store = prepared(kit)
    rows = [row(0, at) for at in range(20)]
    rows[7] = row(0, 7, id="nul \0 byte")
    rows[8] = row(0, 8, version=2**70)
    rows[19] = row(0, 19, reasons="no json")
    aside: dict[int, str] = {}

    def set_aside(partition: int, offset: int, error: Refused) -> None:
        other = prepared(kit)
        assert positions(other, partition)[partition] <= offset, "the letter comes first"
        other.close()
        aside[offset] = str(error)

    write(store, [Span(0, 0, 22, rows), span(1, 0, 2)], set_aside)

    assert positions(store, 0, 1) == {0: 22, 1: 2}
    assert [at for number, at in offsets(kit) if number == 0] == [
        at for at in range(20) if at not in (7, 8, 19)
    ]
    assert "NUL" in aside[7]
    assert "out of range" in aside[8]
    assert "invalid input syntax for type json" in aside[19]
    store.close()


def test_positions_that_were_deleted_are_found_again_from_the_rows(kit: PostgreSQL) -> None:
    store = prepared(kit)
    store.write([span(0, 0, 5)])
    with psycopg.connect(kit.url) as connection:
        connection.execute("DELETE FROM riverrun_positions")

    assert positions(store, 0) == {0: 5}
    store.close()


def test_a_wrong_login_and_a_missing_database_are_no_outage(kit: PostgreSQL) -> None:
    for url, what in (
        (kit.url.replace("/postgres", "/nowhere"), 'database "nowhere" does not exist'),
        (kit.url.replace("riverrun@", "stranger:geheim@"), 'role "stranger" does not exist'),
    ):
        store = PostgreSQL(url, kit.table).open()
        with pytest.raises(SinkError, match=what) as refused:
            store.prepare([])
        assert not isinstance(refused.value, StoreAway)
        assert "geheim" not in str(refused.value)


def test_nobody_there_is_an_outage() -> None:
    store = PostgreSQL("postgresql://riverrun@127.0.0.1:1/postgres", "t").open()

    with pytest.raises(StoreAway, match=r"\*\*\*@127.0.0.1:1/postgres t: .*refused"):
        store.prepare([])


def test_what_a_constraint_refuses_is_a_dead_letter_with_the_words_of_the_store(
    kafka: str, kit: PostgreSQL, tmp_path: Path, topic_name: str
) -> None:
    with psycopg.connect(kit.url) as connection:
        connection.execute(
            f"CREATE TABLE {kit.table} (kafka_partition bigint, kafka_offset bigint,"
            " score double precision CHECK (score < 10), mine text)"
        )
    stream = with_sink(kafka, tmp_path, topic_name, **kit.sink, **PACE)
    pipeline = stream.pipeline
    send(kafka, pipeline.predictions.topic, range(100))
    wanted = {at for at, said in committed(stream).items() if (said["score"] or 0) < 10}

    with sinks(stream, 1) as (process,):
        wait_until(lambda: set(offsets(kit)) == wanted, 120, "the rows")
        refused = 100 - len(wanted)
        letters = read_committed(kafka, pipeline.rejected_topic("store"), refused, 120)
        assert process.stop(60) == 0, process.log

    reasons = [reason(cast(Any, letter.headers())) for letter in letters]
    found = {(why.partition, why.offset) for why in reasons}
    assert found == committed(stream).keys() - wanted
    assert {why.stage for why in reasons} == {"store"}
    assert all("violates check constraint" in why.message for why in reasons)
    assert all(json.loads(letter.value() or b"")["score"] >= 10 for letter in letters)
    assert len(offsets(kit)) == len(wanted)


def test_kills_of_the_sink_and_of_the_server_lose_and_double_nothing(
    kafka: str, postgresql_server: Running, kit: PostgreSQL, tmp_path: Path, topic_name: str
) -> None:
    stream = with_sink(kafka, tmp_path, topic_name, **kit.sink, **PACE)

    survives(stream, kit, COUNT, KILLS, server=postgresql_server[0].restart)
