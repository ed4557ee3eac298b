"""The servers of this folder's tests, each started once; skipped by name where it cannot be had."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kafka.conftest import kafka, topic_name
from tests.stores.bigquery import bigquery
from tests.stores.cassandra import cassandra
from tests.stores.hdfs import hdfs
from tests.stores.postgresql import postgresql
from tests.stores.s3 import s3
from tests.stores.servers import Server

__all__ = ["kafka", "topic_name"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """These take their time: kills, restarts, and servers on Java."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[tuple[Server, str]]:
    """PostgreSQL, and its URL."""
    with postgresql() as made:
        yield made


@pytest.fixture(scope="session")
def s3_options(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The options of s3fs for a server with a bucket `lake`."""
    with s3(tmp_path_factory.mktemp("s3")) as made:
        yield made


@pytest.fixture(scope="session")
def hdfs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """HDFS, and its URL."""
    with hdfs(tmp_path_factory.mktemp("hdfs")) as made:
        yield made


@pytest.fixture(scope="session")
def bigquery_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Server, dict[str, str]]]:
    """An emulator of BigQuery, and the options of its sink."""
    with bigquery(tmp_path_factory.mktemp("bigquery")) as made:
        yield made


@pytest.fixture(scope="session")
def cassandra_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """Cassandra, and its URL."""
    with cassandra(tmp_path_factory.mktemp("cassandra")) as made:
        yield made
