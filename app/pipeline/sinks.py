"""The tables `[sinks.NAME]`: `type` says that riverrun writes it, `connector` that Connect does."""

from typing import Annotated, Any

from pydantic import Discriminator, Tag

from app.pipeline.connectors import KINDS, OTHER, Iceberg, Jdbc, MongoDB, OtherConnector
from app.pipeline.stores import Stored
from app.pipeline.values import SinkName, Table

STORE = "store"
"""The tag of a table with a `type`; the tag of another is its kind of connector."""


def _tag(table: Any) -> str | None:
    """What validation takes a table for; nothing where it does not say who writes it."""
    if not isinstance(table, dict):
        return STORE
    if "connector" not in table:
        return STORE if "type" in table else None
    name = table["connector"]
    return name if isinstance(name, str) and name in KINDS else OTHER


Sink = Annotated[
    Annotated[Stored, Tag(STORE)]
    | Annotated[MongoDB, Tag("mongodb")]
    | Annotated[Iceberg, Tag("iceberg")]
    | Annotated[Jdbc, Tag("jdbc")]
    | Annotated[OtherConnector, Tag(OTHER)],
    Discriminator(_tag),
]
Sinks = dict[SinkName, Sink]
"""By their names, which become part of topics and of a consumer group."""


class AnySink(Stored, MongoDB, Iceberg, Jdbc):  # type: ignore[misc]
    """The keys of all kinds, for who does not know of which kind a table is."""

    connector: str  # type: ignore[assignment]


def table_of(tag: object) -> type[Table]:
    """The table of a tag."""
    return Stored if tag == STORE else KINDS[str(tag)]
