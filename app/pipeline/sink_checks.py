"""What must be true of the sinks of a pipeline: their topics, their formats, no secret in them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.connect.config import connector_name, letters_topic, owned
from app.pipeline.connectors import Connected, Iceberg, Jdbc, MongoDB
from app.pipeline.key_locations import Places
from app.pipeline.model import Pipeline
from app.pipeline.stores import Stored
from app.pipeline.toml_lines import Path as Key
from app.pipeline.topics import PipelineTopic, topic_of
from app.secrecy import has_secret, is_secret

LONGEST_TOPIC = 249
WITH_SCHEMA = ("avro", "connect-json")
_REFERENCE = re.compile(r"\$\{[^${}]+\}")
"""What Connect's config providers put in: `${env:NAME}`, `${file:/path:key}`."""
_NO_SECRET = re.compile(r"(key\.converter|primary\.key|key\.projection|transforms)\b")
_HINT = 'name it, so that Kafka Connect puts it in, such as "${env:STORE_PASSWORD}"'

_MADE_BY = {
    "alerts": "decisions.topic",
    "metrics": "a table [metrics]",
    "history": "a table [history]",
}

Fault = tuple[Key, str, bool]
"""The key, what is wrong with it, and whether its value may be shown."""


def check_sinks(pipeline: Pipeline, where: Places) -> None:
    """Check the tables `[sinks.NAME]`.

    Raises:
        PipelineError: Naming the key, the value unless it may be secret, and what is allowed.
    """
    for name, table in pipeline.sinks.items():
        topic = topic_of(pipeline, table.topic)
        if topic is None:
            what = f"needs {_MADE_BY[table.topic]}"
            raise where.refuse(("sinks", name, "topic"), what, known=True)
        for key, what, shown in _faults(pipeline, name, table, topic):
            raise where.refuse(("sinks", name, *key), what, known=shown)


def _faults(
    pipeline: Pipeline, name: str, table: Connected | Stored, topic: PipelineTopic
) -> Iterator[Fault]:
    if len(letters := letters_topic(pipeline, name)) > LONGEST_TOPIC:
        yield (), f"is too long a name: it becomes part of the topic {letters}", False
    if isinstance(table, Stored):
        return
    yield from _formats(table, topic)
    yield from _ids(table)
    yield from _settings(table, topic, connector_name(pipeline, name))
    yield from _secrets(table)


def _formats(table: Connected, topic: PipelineTopic) -> Iterator[Fault]:
    converted = "value.converter" in table.settings
    if topic.format == "msgpack" and not converted:
        what = f'{topic.key[0]}.format is "msgpack", which Kafka Connect has no converter for'
        yield ("topic",), f'{what}: make it "json" or "avro", or set value.converter', True
    if isinstance(table, Jdbc) and topic.format not in WITH_SCHEMA and not converted:
        what = f"a table has a schema, and so must its records: set {topic.key[0]}.format"
        yield ("topic",), f'{what} = "connect-json", or "avro" where it can be', True


def _ids(table: Connected) -> Iterator[Fault]:
    if table.topic == "metrics" and isinstance(table, MongoDB | Jdbc) and table.id == "source":
        yield ("id",), 'metrics have no source: it must be "record"', True
    if isinstance(table, Iceberg) and not table.catalog.keys() & {"type", "catalog-impl"}:
        yield ("catalog",), 'needs "type" or "catalog-impl", such as type = "rest"', True
    if isinstance(table, MongoDB) and table.id == "key" and _transforms_keys(table):
        what = "cannot be beside transforms or key.converter in settings: it needs its own"
        yield ("id",), what, True


def _transforms_keys(table: Connected) -> bool:
    return any(name == "transforms" or name.startswith("key.") for name in table.settings)


def _settings(table: Connected, topic: PipelineTopic, connector: str) -> Iterator[Fault]:
    for name in table.settings.keys() & owned(table, topic):
        yield ("settings", name), f"riverrun sets it itself for {connector}", False


def _secrets(table: Connected) -> Iterator[Fault]:
    """Connect keeps configurations on a topic, and shows them to whoever asks."""
    for path, value in _texts(table):
        rest = _REFERENCE.sub("", value)
        named = is_secret(_NO_SECRET.sub("", path[-1]))
        if (rest.strip() and named) or has_secret(rest):
            yield path, f"holds a secret, which does not belong in a pipeline file: {_HINT}", False


def _texts(table: Connected) -> Iterator[tuple[Key, str]]:
    for name in type(table).model_fields:
        value = getattr(table, name)
        if isinstance(value, dict):
            yield from (((name, inner), str(each)) for inner, each in value.items())
        elif isinstance(value, str):
            yield (name,), value
