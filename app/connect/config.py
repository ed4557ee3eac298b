"""The configuration of a connector, as Kafka Connect takes it: names and texts.

Every one reads committed records only. What cannot be converted or stored for its own fault
becomes a dead letter; a store that is away stops the task, which goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.connect import iceberg, jdbc, mongodb
from app.pipeline.connectors import Connected
from app.pipeline.model import Pipeline
from app.pipeline.topics import PipelineTopic, topic_of
from app.secrecy import LOGIN_IN_URL
from topics import connect_json, specs
from topics.specs import TopicSpec

Config = dict[str, str]

_STORES: Mapping[str, Callable[[Any, PipelineTopic], Config]] = {
    "mongodb": mongodb.config,
    "iceberg": iceberg.config,
    "jdbc": jdbc.config,
}
_AVRO = "io.confluent.connect.avro.AvroConverter"
"""Confluent's; it takes what speaks Confluent's API, and `value.converter` another one."""


def connector_name(pipeline: Pipeline, sink: str) -> str:
    """The name of a sink's connector on Connect."""
    return f"{pipeline.name}.{sink}"


def letters_topic(pipeline: Pipeline, sink: str) -> str:
    """The topic of what cannot be converted, or the store of a sink refuses, whoever writes it."""
    if sink in pipeline.stored:
        return pipeline.rejected_topic(sink)
    return f"{pipeline.name}.{sink}.dead-letters.v1"


def control_topic(pipeline: Pipeline, sink: str) -> str:
    """The topic by which the tasks of an Iceberg connector agree on commits."""
    return f"{pipeline.name}.{sink}.control.v1"


def topics_of(pipeline: Pipeline, sink: str) -> list[TopicSpec]:
    """The topics that a connector needs besides the one that it reads."""
    replication = pipeline.topics.replication
    found = [specs.dead_letters(letters_topic(pipeline, sink), 1, replication)]
    if pipeline.connected[sink].connector == "iceberg":
        found.append(specs.control(control_topic(pipeline, sink), replication))
    return found


def configuration(pipeline: Pipeline, sink: str) -> Config:
    """The whole configuration of a connector.

    Args:
        pipeline: Whose; its checks have passed.
        sink: The name of one of its tables `[sinks.NAME]` with a `connector`.
    """
    table = pipeline.connected[sink]
    topic = topic_of(pipeline, table.topic)
    assert topic is not None, "checked when the pipeline was read"
    store = _STORES.get(table.connector)
    own = store(table, topic) if store else {"connector.class": table.connector}
    if table.connector == "iceberg":
        own["iceberg.control.topic"] = control_topic(pipeline, sink)
    settings = {name: _text(value) for name, value in table.settings.items()}
    return _common(pipeline, sink, table, topic) | _converters(pipeline, topic) | own | settings


def owned(table: Connected, topic: PipelineTopic) -> frozenset[str]:
    """The settings that make a connector deliver exactly once: not to be given otherwise."""
    return _OWNED | _OWNED_BY.get(table.connector, frozenset())


_OWNED = frozenset(
    {
        "name",
        "connector.class",
        "topics",
        "topics.regex",
        "tasks.max",
        "consumer.override.isolation.level",
        "errors.tolerance",
        "errors.deadletterqueue.topic.name",
    }
)
_OWNED_BY = {"mongodb": mongodb.OWNED, "iceberg": iceberg.OWNED, "jdbc": jdbc.OWNED}


def _common(pipeline: Pipeline, sink: str, table: Connected, topic: PipelineTopic) -> Config:
    return {
        "name": connector_name(pipeline, sink),
        "topics": topic.name,
        "tasks.max": str(table.tasks),
        "consumer.override.isolation.level": "read_committed",
        "consumer.override.auto.offset.reset": "earliest",
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": letters_topic(pipeline, sink),
        "errors.deadletterqueue.topic.replication.factor": str(pipeline.topics.replication),
        "errors.deadletterqueue.context.headers.enable": "true",
    }


def _converters(pipeline: Pipeline, topic: PipelineTopic) -> Config:
    found = {"key.converter": "org.apache.kafka.connect.storage.StringConverter"}
    if topic.format == "avro":
        # What else of [registry] may hold logins: Connect has its own.
        url = LOGIN_IN_URL.sub("//", str(pipeline.registry["url"]))
        return found | {"value.converter": _AVRO, "value.converter.schema.registry.url": url}
    return found | {
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": _text(topic.format == connect_json.NAME),
    }


def _text(value: str | int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
