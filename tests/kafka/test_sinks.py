"""A sink that is killed at any moment loses nothing, and writes nothing twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.app.sinks.kits import Delta, Parquet
from tests.kafka.sinks import survives, with_sink


@pytest.mark.parametrize("kind", [Parquet, Delta])
def test_kills_lose_and_double_nothing(
    kafka: str, tmp_path: Path, topic_name: str, kind: Any
) -> None:
    kit = kind(tmp_path / "lake")
    pace = {"batch": 200, "interval": "200ms"}
    stream = with_sink(kafka, tmp_path, topic_name, **kit.sink, **pace)

    survives(stream, kit, count=3_000, kills=2)
