"""What goes wrong around a sink: a store that is away, a full disk, another schema, clocks."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.app.sinks.contract import offsets, positions, prepared, span
from tests.app.sinks.kits import Delta, Iceberg, Parquet
from tests.app.sinks.test_serving import ask
from tests.chaos.faults.disks import fill, small_disk
from tests.chaos.faults.limits import faketime
from tests.chaos.scene import Skipped
from tests.kafka.running import wait_until
from tests.kafka.sinks import assert_equal, committed, send, sinks, with_sink
from tests.stores.cassandra import Cassandra
from tests.stores.postgresql import PostgreSQL
from tests.stores.servers import Server, ports

LAKES = [Parquet, Delta, Iceberg]
COUNT = 2_000
PACE = {"batch": 200, "interval": "200ms", "retry": "2s"}
_WRITE = """
import pickle, sys
from tests.app.sinks.contract import prepared, span
store = prepared(pickle.load(sys.stdin.buffer))
store.write([span(0, 0, 5)])
store.close()
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 20 MB."""
    try:
        with small_disk(tmp_path / "disk", 20) as found:
            yield found
    except Skipped as skipped:
        pytest.skip(str(skipped))


def health(port: int) -> dict[str, Any]:
    """What a sink says of itself; nothing while it does not listen yet."""
    try:
        status, body = ask(port, "/health")
    except OSError:
        return {}
    found: dict[str, Any] = json.loads(body)
    assert status == (200 if found["ready"] else 503)
    return found


def test_a_store_that_is_away_is_said_and_waited_for(
    kafka: str, postgresql_server: tuple[Server, str], tmp_path: Path, topic_name: str
) -> None:
    server, url = postgresql_server
    kit = PostgreSQL(url, f"t{uuid.uuid4().hex}")
    (port,) = ports(1)
    stream = with_sink(kafka, tmp_path, topic_name, **kit.sink, web_port=port, **PACE)
    topic = stream.pipeline.predictions.topic
    with sinks(stream, 1) as (process,):
        send(kafka, topic, range(COUNT))
        wait_until(lambda: health(port).get("rows", 0) >= COUNT, 120, "the rows")
        server.kill()
        try:
            send(kafka, topic, range(COUNT, 2 * COUNT))
            wait_until(lambda: not health(port)["ready"], 120, "a word of it")
            away = health(port)
            assert away["reasons"][0].startswith("the store is away: ***@127.0.0.1")
            assert away["partitions"] == [0, 1, 2, 3], "it keeps its place in the group"
            assert away["rows"] == COUNT
            assert b"riverrun_sink_store_away" in ask(port, "/metrics")[1]
        finally:
            server.start()
        wait_until(lambda: health(port)["rows"] >= 2 * COUNT, 120, "the other rows")
        assert process.stop(60) == 0, process.log
    assert_equal(kit, stream)


@pytest.mark.parametrize("kind", LAKES)
def test_a_full_disk_is_a_store_that_is_away(
    kafka: str, disk: Path, tmp_path: Path, topic_name: str, kind: Any
) -> None:
    (port,) = ports(1)
    kit = kind(disk)
    stream = with_sink(kafka, tmp_path, topic_name, **kit.sink, web_port=port, **PACE)
    topic = stream.pipeline.predictions.topic
    with sinks(stream, 1) as (process,):
        send(kafka, topic, range(COUNT))
        wait_until(lambda: health(port).get("rows", 0) >= COUNT, 120, "the rows")
        fill(disk)
        send(kafka, topic, range(COUNT, 2 * COUNT))
        wait_until(lambda: not health(port)["ready"], 120, "a word of it")
        (disk / "ballast").unlink()
        wait_until(lambda: health(port)["rows"] >= 2 * COUNT, 120, "the other rows")
        assert process.stop(60) == 0, process.log
    assert "No space left" in process.log or "disk is full" in process.log
    assert_equal(kit, stream)


def test_another_schema_is_said_before_anything_is_written(
    kafka: str, postgresql_server: tuple[Server, str], tmp_path: Path, topic_name: str
) -> None:
    psycopg = pytest.importorskip("psycopg")
    kit = PostgreSQL(postgresql_server[1], f"t{uuid.uuid4().hex}")
    with psycopg.connect(kit.url) as connection:
        connection.execute(
            f"CREATE TABLE {kit.table} (kafka_partition bigint, kafka_offset bigint, score text)"
        )
    stream = with_sink(kafka, tmp_path, topic_name, **kit.sink, **PACE)
    send(kafka, stream.pipeline.predictions.topic, range(10))

    with sinks(stream, 1) as (process,):
        assert process.process.wait(120) == 1

    assert "column score is text, and must be double precision: alter it" in process.log
    assert kit.rows() == []
    with psycopg.connect(kit.url) as connection:
        asked = f"SELECT attname FROM pg_attribute WHERE attrelid = '{kit.table}'::regclass"
        names = {name for (name,) in connection.execute(f"{asked} AND attnum > 0")}
    assert names == {"kafka_partition", "kafka_offset", "score"}
    assert len(committed(stream)) == 10


@pytest.mark.parametrize("hours", [-48, 48])
@pytest.mark.parametrize("kind", [*LAKES, PostgreSQL, Cassandra])
def test_the_clock_of_another_member_does_not_matter(
    kind: Any, hours: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    kit = made(kind, tmp_path, request)
    try:
        moved = {"LD_PRELOAD": faketime(), "FAKETIME": f"{hours:+}h", "DONT_FAKE_MONOTONIC": "1"}
    except Skipped as skipped:
        pytest.skip(str(skipped))
    words = [sys.executable, "-c", _WRITE]
    environ = os.environ | moved
    subprocess.run(words, input=pickle.dumps(kit), env=environ, check=True, timeout=120)

    store = prepared(kit)
    assert positions(store, 0) == {0: 5}
    store.write([span(0, 5, 9)])

    assert positions(store, 0) == {0: 9}
    assert offsets(kit) == [(0, at) for at in range(9)]
    store.close()


def made(kind: Any, folder: Path, request: pytest.FixtureRequest) -> Any:
    """A table of its own."""
    if kind in LAKES:
        return kind(folder)
    name = "postgresql_server" if kind is PostgreSQL else "cassandra_server"
    return kind(request.getfixturevalue(name)[1], f"t{uuid.uuid4().hex}")
