"""Delta and Iceberg tables, read by Spark: the Parquet files of which a version consists."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.replay.tables import kind_of, metadata_of
from app.training.errors import HistoryRefused

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def table(session: SparkSession, path: str) -> DataFrame | None:
    """The rows of a table; None where there is none.

    Its files are found by delta-rs or pyiceberg, so Spark needs no packages of Java for a table
    on this machine. One elsewhere is left to Delta's own package for Spark.

    Raises:
        HistoryRefused: The table has what its files alone do not say.
    """
    if "://" in path:
        return _elsewhere(session, path)
    kind = kind_of(path)
    if kind == "delta":
        return _delta(session, path)
    return _iceberg(session, path) if kind == "iceberg" else None


def _elsewhere(session: SparkSession, path: str) -> DataFrame | None:
    if _there(session, f"{path.rstrip('/')}/_delta_log"):
        return session.read.format("delta").load(path)
    if _there(session, f"{path.rstrip('/')}/metadata"):
        raise HistoryRefused(
            f"{path}: an Iceberg table is read from a file system of this machine: mount it, or"
            " write its rows as Parquet"
        )
    return None


def _there(session: SparkSession, path: str) -> bool:
    hadoop: Any = session.sparkContext._jvm
    place = hadoop.org.apache.hadoop.fs.Path(path)
    configuration = session.sparkContext._jsc.hadoopConfiguration()
    return bool(place.getFileSystem(configuration).exists(place))


def _delta(session: SparkSession, path: str) -> DataFrame:
    from deltalake import DeltaTable

    found = DeltaTable(path)
    found.to_pyarrow_dataset()  # refuses what its files alone do not say, such as deleted rows
    # The values of partition columns stand in the names of folders alone, as texts.
    session.conf.set("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
    rows = _files(session, path, found.file_uris(), basePath=path)
    types = {field.name: field.type.type for field in found.schema().fields}
    for name in found.metadata().partition_columns:
        rows = rows.withColumn(name, rows[name].cast(types[name]))
    return rows


def _iceberg(session: SparkSession, path: str) -> DataFrame:
    from pyiceberg.table import StaticTable

    found = StaticTable.from_metadata(metadata_of(Path(path)).absolute().as_uri())
    files = list(found.scan().plan_files())
    if any(file.delete_files for file in files) or len(found.metadata.schemas) > 1:
        raise HistoryRefused(
            f"{path}: has deleted rows or a changed schema, which its files alone do not say:"
            " rewrite its files, or learn without --spark"
        )
    # All columns stand in the files: the names of folders say nothing.
    return _files(session, path, [f.file.file_path for f in files], recursiveFileLookup=True)


def _files(
    session: SparkSession, path: str, files: Sequence[str], **options: str | bool
) -> DataFrame:
    if not files:
        raise HistoryRefused(f"{path}: has no rows")
    return session.read.options(**options).parquet(*files)
