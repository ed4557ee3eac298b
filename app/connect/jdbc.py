"""Debezium's connector for JDBC, `io.debezium:debezium-connector-jdbc` on Maven Central."""

from __future__ import annotations

from app.pipeline.connectors import Jdbc
from app.pipeline.topics import PipelineTopic

OWNED = frozenset(
    {
        "connection.url",
        "connection.username",
        "connection.password",
        "insert.mode",
        "primary.key.mode",
        "primary.key.fields",
        "collection.name.format",
    }
)
_KEYS = {
    "source": {
        "primary.key.mode": "record_value",
        "primary.key.fields": "source_topic,source_partition,source_offset",
    },
    "record": {"primary.key.mode": "kafka"},
}
_FLAT = {
    "transforms": "flat",
    "transforms.flat.type": "org.apache.kafka.connect.transforms.Flatten$Value",
    "transforms.flat.delimiter": "_",
}
_WITHOUT = {
    # Lists and maps of Avro have no column in most databases.
    "transforms": "without,flat,one",
    "transforms.without.type": "org.apache.kafka.connect.transforms.ReplaceField$Value",
    "transforms.without.exclude": "reasons,rivals",
    "transforms.one.type": "org.apache.kafka.connect.transforms.ReplaceField$Value",
    "transforms.one.exclude": "model_shares",
}


def config(table: Jdbc, topic: PipelineTopic) -> dict[str, str]:
    """A row for each key, which is made or replaced; fields of fields become `source_offset`."""
    login = {"connection.username": table.user, "connection.password": table.password}
    return {
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "connection.url": table.url,
        **{name: value for name, value in login.items() if value is not None},
        "insert.mode": "upsert",
        "collection.name.format": table.table or topic.name.replace(".", "_").replace("-", "_"),
        "schema.evolution": "basic",
        **_KEYS[table.id],
        **_FLAT,
        **(_WITHOUT if topic.format == "avro" else {}),
    }
