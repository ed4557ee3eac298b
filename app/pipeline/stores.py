"""The tables `[sinks.NAME]` with a `type`: `riverrun sink NAME` writes their records to a store."""

from typing import Literal

from pydantic import Field

from app.pipeline.values import FieldName, FlatValue, PositiveSeconds, Table

SinkTopic = Literal["predictions", "alerts", "metrics", "history"]
StoreType = Literal[
    "parquet", "postgresql", "redshift", "bigquery", "delta", "iceberg", "cassandra"
]


class Stored(Table):
    """A store, and the topic whose records are written to it.

    `url` says where the store is, `table` which table of it; the name of the sink unless given.
    A batch is written after `batch` rows, or `interval` seconds; each store has defaults of its
    own. `options` are those of the store's client. `retry` is the longest pause between two tries
    while the store is away.
    """

    type: StoreType
    topic: SinkTopic = "predictions"
    url: FieldName
    table: FieldName | None = None
    batch: int | None = Field(default=None, ge=1, le=1_000_000)
    interval: PositiveSeconds | None = None
    retry: PositiveSeconds = 30.0
    options: dict[str, FlatValue] = Field(default={})
    web_host: FieldName = "127.0.0.1"
    web_port: int | None = Field(default=None, ge=1, le=65535)
