"""A session of Spark, and its errors in a line."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from app.training.errors import HistoryRefused
from app.training.spark.rows import AT_ONCE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NEEDED = 'pip install "pyspark>=4.2,<4.3" "pyarrow>=20,<27" "pandas>=2.2,<3"'
SETTINGS = {
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(AT_ONCE),
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.showConsoleProgress": "false",
    # Parts that mix need their cores at one time: say within a minute that they are not there.
    "spark.scheduler.barrier.maxConcurrentTasksCheck.maxFailures": "4",
}
LOCAL = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "8",
    "spark.ui.enabled": "false",
}
_OURS = re.compile(
    r"^(?:[\w.]+\.)?(?:HistoryRefused|PartFails|SourceError|ReplayError): (.+)$", re.M
)


@contextmanager
def spark(master: str) -> Iterator[SparkSession]:
    """A session, ended at the end.

    Args:
        master: Such as "local[2]" or "spark://host:7077".

    Raises:
        HistoryRefused: Without pyspark or Java, or for what Spark refuses.
    """
    if missing := [name for name in ("pyspark", "pyarrow", "pandas") if find_spec(name) is None]:
        raise HistoryRefused(f"--spark needs {missing[0]}, which is not installed: {NEEDED}")
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master(master).appName("riverrun train")
    for key, value in (SETTINGS | LOCAL if master.startswith("local") else SETTINGS).items():
        builder = builder.config(key, value)
    with explained(master):
        session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")  # what fails is raised here, in a line
    try:
        with explained(master):
            yield session
    finally:
        session.stop()


@contextmanager
def explained(master: str) -> Iterator[None]:
    """Spark's errors as `HistoryRefused`."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        raise HistoryRefused(_words(master, str(error))) from error


def _words(master: str, text: str) -> str:
    """Ours where a task has raised them, else Spark's first line."""
    if ours := _OURS.findall(text):
        return str(ours[-1])
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"--spark {master}: {lines[0] if lines else 'failed'}"
