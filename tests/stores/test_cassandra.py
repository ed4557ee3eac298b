"""Cassandra: the contract of stores, late writes, and kills of the sink and of the node."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from app.sinks.store import Refused, SinkError, Span, StoreAway
from app.sinks.writing import write
from tests.app.sinks.contract import CHECKS, Kit, offsets, positions, prepared, row, span
from tests.kafka.sinks import COUNT, KILLS, PACE, survives, with_sink
from tests.stores.cassandra import KEYSPACE, Cassandra
from tests.stores.servers import Server

Running = tuple[Server, str]


@pytest.fixture
def kit(cassandra_server: Running) -> Cassandra:
    return Cassandra(cassandra_server[1], f"t{uuid.uuid4().hex}")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_store_keeps_the_contract(kit: Cassandra, check: Callable[[Kit], None]) -> None:
    check(kit)


def test_an_older_position_never_wins(kit: Cassandra) -> None:
    old, new = prepared(kit), prepared(kit)
    new.write([span(0, 0, 9)])

    old.write([span(0, 0, 5)])

    assert positions(new, 0) == {0: 9}
    assert offsets(kit) == [(0, at) for at in range(9)]
    for store in (old, new):
        store.close()


def test_a_value_that_does_not_fit_is_set_aside(kit: Cassandra) -> None:
    store, aside = prepared(kit), dict[int, str]()
    rows = [row(0, 0), row(0, 1, version=2**70), row(0, 2)]

    def set_aside(_: int, offset: int, error: Refused) -> None:
        aside[offset] = str(error)

    write(store, [Span(0, 0, 3, rows)], set_aside)

    assert list(aside) == [1]
    assert offsets(kit) == [(0, 0), (0, 2)]
    assert positions(store, 0) == {0: 3}
    store.close()


def test_nobody_there_is_an_outage_and_a_missing_keyspace_is_none(kit: Cassandra) -> None:
    away = Cassandra(f"cassandra://127.0.0.1:1/{KEYSPACE}", "t").open()
    with pytest.raises(StoreAway, match=r"cassandra://127.0.0.1:1/riverrun t: "):
        away.prepare([])
    away.close()

    nowhere = Cassandra(kit.url.replace(KEYSPACE, "nowhere"), "t").open()
    with pytest.raises(SinkError, match="nowhere") as refused:
        nowhere.prepare([])
    assert not isinstance(refused.value, StoreAway)
    nowhere.close()


def test_kills_of_the_sink_and_of_the_node_lose_and_double_nothing(
    kafka: str, cassandra_server: Running, kit: Cassandra, tmp_path: Path, topic_name: str
) -> None:
    stream = with_sink(kafka, tmp_path, topic_name, **kit.sink, **PACE)

    survives(stream, kit, COUNT, KILLS, server=cassandra_server[0].restart)
