"""The parts of the suite need a broker, as the tests in tests/kafka do."""

from pathlib import Path

import pytest

from tests.kafka.conftest import kafka

__all__ = ["kafka"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test that takes a part does."""
    for item in items:
        if item.path.is_relative_to(HERE) and "kafka" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.kafka)
