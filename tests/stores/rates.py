"""Rows a second of Kafka Connect's connectors, and what they take of the processor.

python -m tests.stores.rates
"""

from __future__ import annotations

import json
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.kafka.clusters import cluster
from tests.kafka.running import wait_until
from tests.stores import test_connect_iceberg, test_connect_jdbc
from tests.stores.carried import Carried, sinks
from tests.stores.postgresql import postgresql
from tests.stores.test_connect_iceberg import to_iceberg
from tests.stores.test_connect_jdbc import to_a_database

COUNT = 100_000
TICKS = os.sysconf("SC_CLK_TCK")


def measured(target: Carried, stored: Callable[[], int]) -> dict[str, float]:
    """Of a topic that is full, from the first row in the store to the last one.

    The processor's time is that of Connect with its start, which compiles.
    """
    target.send(COUNT)
    assert sinks(*target.words) == 0
    wait_until(lambda: stored() > 0, 300, "a row")
    first, began = stored(), time.monotonic()
    wait_until(lambda: stored() >= COUNT, 900, "the rows")
    seconds = time.monotonic() - began
    return {
        "rows": COUNT,
        "rows_a_second": round((COUNT - first) / seconds),
        "connect_cpu_us_a_row": round(1e6 * cpu_seconds(target.server.pid) / COUNT, 1),
    }


def cpu_seconds(pid: int) -> float:
    """What a process has used."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / TICKS


def run(folder: Path) -> Iterator[dict[str, object]]:
    """A line for each connector."""
    with cluster() as kafka, postgresql() as (_, url):
        with to_a_database(kafka, made(folder, "jdbc"), f"jdbc-{uuid.uuid4().hex}", url) as (
            target,
            table,
        ):
            found = measured(target, lambda: test_connect_jdbc.counted(url, table))
            yield {"connector": "jdbc", **found}
        with to_iceberg(kafka, made(folder, "iceberg"), f"iceberg-{uuid.uuid4().hex}", url) as (
            target,
            catalog,
        ):
            found = measured(target, lambda: test_connect_iceberg.counted(catalog))
            yield {"connector": "iceberg", **found}


def made(folder: Path, name: str) -> Path:
    """A folder in a folder."""
    (folder / name).mkdir()
    return folder / name


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="riverrun-rates-") as home:
        for line in run(Path(home)):
            print(json.dumps(line), flush=True)
