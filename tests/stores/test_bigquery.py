"""BigQuery, against an emulator: the contract of stores, offsets of streams, refusals and kills."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from app.sinks.store import Moved, Refused, SinkError, Span, StoreAway
from app.sinks.writing import write
from tests.app.sinks.contract import (
    CHECKS,
    COLUMNS,
    Kit,
    check_new_columns_are_added,
    offsets,
    positions,
    prepared,
    row,
    span,
)
from tests.kafka.sinks import COUNT, KILLS, PACE, survives, with_sink
from tests.stores.bigquery import BigQuery
from tests.stores.servers import Server

pytest.importorskip("google.cloud.bigquery_storage_v1", reason="Google's (the extra `bigquery`)")

Running = tuple[Server, dict[str, str]]


@pytest.fixture
def kit(bigquery_server: Running) -> BigQuery:
    return BigQuery(bigquery_server[1], f"t{uuid.uuid4().hex}")


OURS = [check for check in CHECKS if check is not check_new_columns_are_added]


@pytest.mark.parametrize("check", OURS, ids=lambda check: check.__name__)
def test_a_store_keeps_the_contract(kit: BigQuery, check: Callable[[Kit], None]) -> None:
    check(kit)


def test_new_columns_are_added(kit: BigQuery) -> None:
    """The emulator's streams do not know them; its queries do."""
    first = kit.open()
    first.prepare(COLUMNS[:-2])
    first.positions([0])
    first.write([Span(0, 0, 1, [row(0, 0)[:-2]])])
    first.close()

    prepared(kit).close()

    assert [(each["reasons"], each["end"]) for each in kit.rows()] == [(None, None)]


def test_a_request_that_comes_twice_is_refused_by_its_offset(kit: BigQuery) -> None:
    from app.sinks.arrow import table_of
    from app.sinks.stores.bigquery import BigQueryStore
    from app.sinks.stores.bigquery_streams import Stream

    store = cast(BigQueryStore, prepared(kit))
    assert store._streams is not None
    stream = Stream(store._streams.new(), 0)
    first, second = (table_of(COLUMNS, [row(0, at)]) for at in (0, 1))

    store._streams.append(stream, first)
    for begin, table in ((0, first), (5, second)):
        with pytest.raises(Moved):
            store._streams.append(Stream(stream.name, 0, begin), table)
    store._streams.end(stream.name)
    with pytest.raises(Moved):
        store._streams.append(stream, second)

    assert offsets(kit) == [(0, 0)]
    store.close()


def test_an_answer_that_was_lost_is_made_good_from_the_rows(kit: BigQuery) -> None:
    """The rows are in, but the member does not know it: nothing is written twice."""
    store = prepared(kit)
    store.write([span(0, 0, 3)])
    store._own[0].position = store._own[0].rows = 0  # type: ignore[attr-defined]

    with pytest.raises(Moved):
        store.write([span(0, 0, 3)])
    assert positions(store, 0) == {0: 3}
    store.write([span(0, 3, 5)])

    assert offsets(kit) == [(0, at) for at in range(5)]
    store.close()


def test_rows_that_the_store_refuses_are_set_aside_and_the_others_are_in(kit: BigQuery) -> None:
    store = prepared(kit)
    rows = [row(0, at) for at in range(20)]
    rows[7] = row(0, 7, version=2**70)
    rows[8] = row(0, 8, id="lone \ud800")
    aside: dict[int, str] = {}

    def set_aside(partition: int, offset: int, error: Refused) -> None:
        aside[offset] = str(error)

    write(store, [Span(0, 0, 22, rows), span(1, 0, 2)], set_aside)

    assert aside.keys() == {7, 8}
    assert [at for number, at in offsets(kit) if number == 0] == [
        at for at in range(20) if at not in aside
    ]
    assert positions(store, 0, 1) == {0: 20, 1: 2}
    store.close()


def test_a_table_is_for_one_sink(kit: BigQuery) -> None:
    store = prepared(kit)
    store.write([span(0, 0, 3)])
    store.close()

    other = kit.open("other/topic")
    other.prepare([])
    with pytest.raises(SinkError, match="has the rows of another sink, sink/topic"):
        other.positions([0])
    other.close()


def test_nobody_there_is_an_outage() -> None:
    away = {"api_endpoint": "http://127.0.0.1:1", "write_endpoint": "127.0.0.1:1"}
    store = BigQuery(away, "t").open()

    with pytest.raises(StoreAway, match=r"riverrun\.tests\.t: .*refused"):
        store.prepare([])
    store.close()


def test_kills_of_the_sink_and_of_the_server_lose_and_double_nothing(
    kafka: str, bigquery_server: Running, kit: BigQuery, tmp_path: Path, topic_name: str
) -> None:
    stream = with_sink(kafka, tmp_path, topic_name, **kit.sink, **PACE)

    survives(stream, kit, COUNT, KILLS, server=bigquery_server[0].restart)
