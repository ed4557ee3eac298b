"""The tables `[sinks.NAME]` with a `connector`: Kafka Connect carries their records to a store."""

from typing import Literal

from pydantic import Field

from app.pipeline.values import (
    FieldName,
    FlatValue,
    JavaClass,
    PositiveSeconds,
    Table,
)

Settings = dict[str, FlatValue]
"""Settings of a client by its own dotted names."""


class Connected(Table):
    """What each connector has: the topic that it reads, and its own settings beside ours."""

    connector: str
    topic: Literal["predictions", "alerts", "metrics"] = "predictions"
    tasks: int = Field(default=1, ge=1)
    settings: Settings = Field(default={})


class MongoDB(Connected):
    """Documents of a collection.

    `id` says which record replaces which document: the same record of the topic ("record"), those
    of one event ("source"), or those of one key, of which the newest stays ("key").
    """

    connector: Literal["mongodb"]
    uri: FieldName
    database: FieldName
    collection: FieldName | None = None
    id: Literal["record", "source", "key"] = "record"


class Iceberg(Connected):
    """Rows of an Iceberg table, which is committed every `commit` seconds."""

    connector: Literal["iceberg"]
    table: FieldName
    catalog: Settings
    commit: PositiveSeconds = 60.0


class Jdbc(Connected):
    """Rows of a table in a database that JDBC reaches. `id` is as in MongoDB."""

    connector: Literal["jdbc"]
    url: FieldName
    user: FieldName | None = None
    password: FieldName | None = None
    table: FieldName | None = None
    id: Literal["source", "record"] = "source"


class OtherConnector(Connected):
    """A connector by its Java class, all of its own in `settings`."""

    connector: JavaClass


OTHER = "other"
KINDS: dict[str, type[Connected]] = {
    "mongodb": MongoDB,
    "iceberg": Iceberg,
    "jdbc": Jdbc,
    OTHER: OtherConnector,
}
"""The table of each connector."""

CLIENTS = ("settings", "catalog")
"""Tables within these tables, whose names are a client's own and have dots."""


def dotted_from(key: tuple[str, ...]) -> int | None:
    """How many parts of a key stand before a setting of a client, whose own name has dots."""
    if key[0] == "sinks" and len(key) > 3 and key[2] in CLIENTS:
        return 3
    return None
