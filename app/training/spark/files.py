"""Files of events and labels, read by Spark as riverrun reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from app.replay import csv_rows, parquet
from app.replay.csv_rows import separator_of
from app.replay.files import JSON_LINES
from app.training.errors import HistoryRefused
from app.training.spark.tables import table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class Files:
    """Where Spark reads.

    Attributes:
        events, labels: Paths or URLs as Spark takes them; None for no labels.
        time: The field of the times of both.
        until_cut: Whether rows from the cut on are left out; else they are refused.
    """

    events: str
    labels: str | None
    time: str
    until_cut: bool = False


@dataclass(frozen=True)
class Text:
    """Cells of CSV, or a line of JSON, as the fields of an event."""

    separator: str | None

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        if self.separator is not None:
            return csv_rows.fields_of(row.items(), self.separator)
        fields: dict[str, Any] = msgspec.json.decode(row["value"], type=dict[str, Any])
        return fields


Read = Callable[[dict[str, Any]], dict[str, Any]]
"""Makes the fields of an event of the columns of a row."""


def opened(session: SparkSession, path: str) -> tuple[DataFrame, Read]:
    """The rows of files: a struct "row", the "file", and a "number" that ascends in it.

    Args:
        session: Spark's.
        path: Of a file or a folder: CSV or JSON lines by its ending, which may be packed by gzip;
            a Delta or an Iceberg table; else Parquet.

    Returns:
        The rows, and what makes events of them.
    """
    from pyspark.sql.functions import expr, monotonically_increasing_id

    found, read = _read(session, path)
    if not found.columns:
        raise HistoryRefused(f"{path}: has no columns")
    file = "concat(_metadata.file_path, '@', lpad(_metadata.file_block_start, 20, '0'))"
    row = expr("struct(*)").alias("row")
    number = monotonically_increasing_id().alias("number")
    return found.select(row, expr(file).alias("file"), number), read


def _read(session: SparkSession, path: str) -> tuple[DataFrame, Read]:
    if (found := table(session, path)) is not None:
        return found, parquet.fields_of
    ending = path.lower().removesuffix(".gz").rstrip("/")
    if ending.endswith(JSON_LINES):
        return session.read.text(path).where("trim(value) != ''"), Text(None)
    if not ending.endswith(".csv"):
        return session.read.parquet(path), parquet.fields_of
    first = session.read.text(path).first()
    separator = separator_of("" if first is None else first.value)
    # A cell may have lines of its own; and what is short or long is refused, not filled up.
    options = {"header": True, "multiLine": True, "escape": '"', "mode": "FAILFAST"}
    return session.read.options(sep=separator, **options).csv(path), Text(separator)


def name_of(file: str) -> str:
    """The name of a file, of the column "file"."""
    return file.rpartition("@")[0].rpartition("/")[2]
