"""MongoDB's own connector, `org.mongodb.kafka:mongo-kafka-connect` on Maven Central."""

from __future__ import annotations

from app.pipeline.connectors import MongoDB
from app.pipeline.topics import PipelineTopic

OWNED = frozenset(
    {
        "connection.uri",
        "database",
        "collection",
        "document.id.strategy",
        "document.id.strategy.partial.value.projection.list",
        "document.id.strategy.partial.value.projection.type",
        "writemodel.strategy",
        "mongo.errors.tolerance",
    }
)
_STRATEGY = "com.mongodb.kafka.connect.sink.processor.id.strategy."
_HOIST = {
    "transforms": "key",
    "transforms.key.type": "org.apache.kafka.connect.transforms.HoistField$Key",
    "transforms.key.field": "_id",
}
_IDS = {
    "source": {
        "document.id.strategy": f"{_STRATEGY}PartialValueStrategy",
        "document.id.strategy.partial.value.projection.type": "AllowList",
        "document.id.strategy.partial.value.projection.list": (
            "source.topic,source.partition,source.offset"
        ),
    },
    "record": {"document.id.strategy": f"{_STRATEGY}KafkaMetaDataStrategy"},
    "key": _HOIST | {"document.id.strategy": f"{_STRATEGY}ProvidedInKeyStrategy"},
}


def config(table: MongoDB, topic: PipelineTopic) -> dict[str, str]:
    """A document for each id: what is written twice takes its own place.

    Errors of the data become dead letters. All others, such as a server that is away, stop the
    task, so that nothing is passed over.
    """
    return {
        "connector.class": "com.mongodb.kafka.connect.MongoSinkConnector",
        "connection.uri": table.uri,
        "database": table.database,
        "collection": table.collection or topic.name,
        "writemodel.strategy": (
            "com.mongodb.kafka.connect.sink.writemodel.strategy.ReplaceOneDefaultStrategy"
        ),
        "mongo.errors.tolerance": "data",
        **_IDS[table.id],
    }
