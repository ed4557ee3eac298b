"""Which store a sink has, and what it needs."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple, cast

from app.pipeline.load import Pipeline
from app.pipeline.stores import Stored
from app.pipeline.topics import topic_of
from app.sinks.store import SinkError, Store


class _Kind(NamedTuple):
    """The class of a kind of store, its packages, and its batches in rows and seconds."""

    where: str
    needs: str
    batch: int
    interval: float


_PSYCOPG = '"psycopg[binary]>=3.2,<4"'
_ARROW = '"pyarrow>=20,<27"'
_GOOGLE = '"google-cloud-bigquery>=3.40,<4" "google-cloud-bigquery-storage>=2.36,<3"'
_KINDS = {
    "parquet": _Kind("parquet:ParquetStore", _ARROW, 100_000, 60.0),
    "postgresql": _Kind("postgresql:PostgreSQLStore", _PSYCOPG, 5_000, 1.0),
    "redshift": _Kind("redshift:RedshiftStore", _PSYCOPG, 10_000, 60.0),
    "bigquery": _Kind("bigquery:BigQueryStore", f"{_GOOGLE} {_ARROW}", 10_000, 5.0),
    "cassandra": _Kind("cassandra:CassandraStore", '"cassandra-driver>=3.30,<4"', 5_000, 1.0),
    "delta": _Kind("delta:DeltaStore", f'"deltalake>=1.6,<2" {_ARROW}', 100_000, 60.0),
    "iceberg": _Kind(
        *("iceberg:IcebergStore", f'"pyiceberg[sql-sqlite]>=0.12,<0.13" {_ARROW}', 100_000, 60.0)
    ),
}


def open_store(pipeline: Pipeline, name: str) -> Store:
    """The store of a sink, not connected yet.

    Raises:
        SinkError: A package is missing.
    """
    table = pipeline.stored[name]
    kind = _KINDS[table.type]
    module, _, class_ = kind.where.partition(":")
    try:
        made = getattr(import_module(f"app.sinks.stores.{module}"), class_)
    except ImportError as error:
        raise SinkError(
            f"sinks.{name}.type = {table.type}: needs a package that is missing ({error}):"
            f" pip install {kind.needs}"
        ) from None
    topic = topic_of(pipeline, table.topic)
    assert topic is not None, "checked with the file"
    identity = f"{name}/{topic.name}"
    return cast(Store, made(table.url, table.table or name, identity, dict(table.options)))


def defaults(table: Stored) -> tuple[int, float]:
    """Rows and seconds of a batch."""
    kind = _KINDS[table.type]
    return table.batch or kind.batch, table.interval or kind.interval
