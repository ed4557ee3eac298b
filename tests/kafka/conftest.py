"""The cluster of the tests, once for all of them, and names that nobody else uses."""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kafka.clusters import cluster

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test in this folder needs a broker."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.kafka)


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """The bootstrap address of a real Kafka."""
    with cluster() as address:
        yield address


@pytest.fixture
def topic_name(request: pytest.FixtureRequest) -> str:
    """A topic that no other test has, named after this one."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", request.node.name)[:100]
    return f"{name}-{uuid.uuid4().hex[:8]}"
