"""Parquet, Delta and Iceberg through kills; Parquet on S3 and on HDFS too."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.app.sinks.contract import CHECKS, Kit
from tests.app.sinks.kits import Delta, Iceberg, Parquet
from tests.kafka.sinks import COUNT, KILLS, PACE, survives, with_sink
from tests.stores.s3 import BUCKET
from tests.stores.servers import Server

pytestmark = pytest.mark.skipif(
    find_spec("moto") is None, reason='takes minutes: make stores (the extra "stores")'
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("where", ["s3", "hdfs"])
def test_parquet_keeps_the_contract(
    where: str, check: Callable[[Kit], None], request: pytest.FixtureRequest
) -> None:
    name = uuid.uuid4().hex
    if where == "s3":
        check(Parquet(f"{BUCKET}/{name}", request.getfixturevalue("s3_options")))
    else:
        check(Parquet(f"{request.getfixturevalue('hdfs_server')[1]}/{name}"))


@pytest.mark.parametrize("kind", [Parquet, Delta, Iceberg])
def test_kills_lose_and_double_nothing_on_a_disk(
    kafka: str, tmp_path: Path, topic_name: str, kind: Any
) -> None:
    kit = kind(tmp_path / "lake")
    (tmp_path / "lake").mkdir()
    stream = with_sink(kafka, tmp_path, topic_name, **kit.sink, **PACE)

    survives(stream, kit, COUNT, KILLS)


def test_kills_lose_and_double_nothing_on_s3(
    kafka: str, s3_options: dict[str, Any], tmp_path: Path, topic_name: str
) -> None:
    kit = Parquet(f"{BUCKET}/{topic_name}", s3_options)
    stream = with_sink(kafka, tmp_path, topic_name, **kit.sink, **PACE)

    survives(stream, kit, COUNT, KILLS)


def test_kills_lose_and_double_nothing_on_hdfs(
    kafka: str, hdfs_server: tuple[Server, str], tmp_path: Path, topic_name: str
) -> None:
    server, url = hdfs_server
    kit = Parquet(f"{url}/{topic_name}")
    stream = with_sink(kafka, tmp_path, topic_name, **kit.sink, **PACE)

    survives(stream, kit, COUNT, KILLS, server=server.restart)
