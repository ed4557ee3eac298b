"""The servers of this folder's tests, each started once; skipped by name where it cannot be had."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kafka.conftest import kafka, topic_name
from tests.stores.postgresql import postgresql
from tests.stores.servers import Server

__all__ = ["kafka", "topic_name"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """These take their time: kills, restarts, and servers on Java."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """PostgreSQL, and its URL."""
    with postgresql(tmp_path_factory.mktemp("postgresql")) as made:
        yield made
