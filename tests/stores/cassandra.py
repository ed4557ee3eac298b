"""Apache Cassandra, one node on Java."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.sinks.store import Store
from tests.stores.servers import Server, jars, java, listens, ports

JARS = ("org.apache.cassandra:cassandra-all:5.0.5",)
EXPORTS = (
    "java.base/jdk.internal.misc java.base/jdk.internal.ref java.base/sun.nio.ch"
    " java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.registry"
    " java.rmi/sun.rmi.server java.sql/java.sql java.base/java.lang.ref jdk.unsupported/sun.misc"
)
OPENS = (
    "java.lang.module jdk.internal.loader jdk.internal.ref jdk.internal.reflect jdk.internal.math"
    " jdk.internal.module jdk.internal.util.jar sun.nio.ch java.io java.lang java.lang.reflect"
    " java.nio java.util java.util.concurrent java.util.concurrent.atomic java.net"
)
SETTINGS = (
    "-Dcassandra-foreground=yes -Dcassandra.skip_wait_for_gossip_to_settle=0"
    " -Dcassandra.ring_delay_ms=0 -Dcassandra.superuser_setup_delay_ms=0"
    " -Dcassandra.initial_token=0"
)
KEYSPACE = "riverrun"


@contextmanager
def cassandra(folder: Path) -> Iterator[tuple[Server, str]]:
    """A running one with a keyspace, and its URL; skipped where it cannot be had."""
    pytest.importorskip("cassandra", reason='cassandra-driver (the extra "cassandra")')
    found, (storage, tls, native, jmx) = jars("cassandra", *JARS), ports(4)
    (folder / "cassandra.yaml").write_text(_yaml(storage, tls, native))
    words = [
        java(),
        *(part for each in EXPORTS.split() for part in ("--add-exports", f"{each}=ALL-UNNAMED")),
        *(
            part
            for each in OPENS.split()
            for part in ("--add-opens", f"java.base/{each}=ALL-UNNAMED")
        ),
        *("--add-opens", "jdk.management/com.sun.management.internal=ALL-UNNAMED"),
        *("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
        "-Djdk.attach.allowAttachSelf=true",
        f"-javaagent:{next(found.glob('jamm-*.jar'))}",
        f"-Dcassandra.config=file://{folder}/cassandra.yaml",
        *(f"-Dcassandra.storagedir={folder}/data", f"-Dcassandra.logdir={folder}"),
        *(f"-Dcassandra.jmx.local.port={jmx}", *SETTINGS.split()),
        *("-cp", f"{found}/*", "org.apache.cassandra.service.CassandraDaemon"),
    ]
    server = Server(words, lambda: listens(native) and _answers(native), folder)
    server.start()
    try:
        yield server, f"cassandra://127.0.0.1:{native}/{KEYSPACE}"
    finally:
        server.stop()


def _yaml(storage: int, tls: int, native: int) -> str:
    return f"""\
cluster_name: test
num_tokens: 1
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: "127.0.0.1:{storage}"
listen_address: 127.0.0.1
rpc_address: 127.0.0.1
storage_port: {storage}
ssl_storage_port: {tls}
native_transport_port: {native}
endpoint_snitch: SimpleSnitch
commitlog_sync: periodic
commitlog_sync_period: 1000ms
commitlog_segment_size: 4MiB
commitlog_total_space: 64MiB
memtable_heap_space: 64MiB
hinted_handoff_enabled: false
"""


def _answers(port: int) -> bool:
    try:
        with session(port) as asked:
            asked.execute(
                f"CREATE KEYSPACE IF NOT EXISTS {KEYSPACE} WITH replication ="
                " {'class': 'SimpleStrategy', 'replication_factor': 1}"
            )
    except Exception:  # it has many of its own
        return False
    return True


@contextmanager
def session(port: int) -> Iterator[Any]:
    """A session of the driver."""
    from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
    from cassandra.query import dict_factory

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        profile = ExecutionProfile(request_timeout=60, row_factory=dict_factory)
        cluster = Cluster(
            ["127.0.0.1"], port=port, execution_profiles={EXEC_PROFILE_DEFAULT: profile}
        )
        try:
            yield cluster.connect()
        finally:
            cluster.shutdown()


class Cassandra:
    """One table."""

    fences = False

    def __init__(self, url: str, table: str) -> None:
        self.url, self.table = url, table
        self.sink = {"type": "cassandra", "url": url, "table": table}

    def open(self, identity: str = "sink/topic") -> Store:
        from app.sinks.stores.cassandra import CassandraStore

        return CassandraStore(self.url, self.table, f"{self.table} {identity}", {})

    def rows(self) -> list[dict[str, Any]]:
        port = int(self.url.rpartition(":")[2].partition("/")[0])
        with session(port) as asked:
            rows = asked.execute(f'SELECT * FROM {KEYSPACE}."{self.table}"')
            return [_plain(row) for row in rows]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Times in milliseconds: the driver returns them in UTC, without saying so."""
    return {
        name: round(value.replace(tzinfo=UTC).timestamp() * 1000)
        if isinstance(value, datetime)
        else value
        for name, value in row.items()
    }
