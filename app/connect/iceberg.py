"""Apache Iceberg's own connector, `org.apache.iceberg:iceberg-kafka-connect` on Maven Central."""

from __future__ import annotations

from app.pipeline.connectors import Iceberg
from app.pipeline.topics import PipelineTopic

CATALOG = "iceberg.catalog."
OWNED = frozenset({"iceberg.tables", "iceberg.control.topic"})


def config(table: Iceberg, topic: PipelineTopic) -> dict[str, str]:
    """Rows whose offsets are in the snapshot that added them, so that each is added once.

    The table is made, and gets new columns, after the records.
    """
    return {
        "connector.class": "org.apache.iceberg.connect.IcebergSinkConnector",
        "iceberg.tables": table.table,
        "iceberg.tables.auto-create-enabled": "true",
        "iceberg.tables.evolve-schema-enabled": "true",
        "iceberg.control.commit.interval-ms": str(round(table.commit * 1000)),
        **{CATALOG + name: str(value) for name, value in table.catalog.items()},
    }
