"""The records of a topic as rows: which columns there are, and their values."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from app.pipeline.load import Pipeline
from app.pipeline.models import new_model
from app.pipeline.stores import SinkTopic
from app.pipeline.topics import OUTPUTS, codec_of
from topics.history import LabelledEvent
from topics.metrics import WindowMetrics
from topics.records import Alert, ModelVersion, Prediction, Record, Source

Kind = Literal["bool", "int", "float", "text", "json", "time"]
"""`time` is in milliseconds since 1970, `json` a text."""

Value = bool | int | float | str | None
Row = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    kind: Kind


PARTITION, OFFSET = "kafka_partition", "kafka_offset"
"""These two name a row: the coordinates of its record."""

COORDINATES = (
    Column(PARTITION, "int"),
    Column(OFFSET, "int"),
    Column("kafka_time", "time"),
    Column("kafka_key", "text"),
)

_LEFT_OUT = {(ModelVersion, "shares")}
"""Not in tables, whose columns are the same for every learner."""
_KINDS: dict[Any, Kind] = {bool: "bool", int: "int", float: "float", str: "text"}
_TIMES = {
    (Alert, "time"),
    *((WindowMetrics, name) for name in ("start", "end", "time")),
    *((LabelledEvent, name) for name in ("time", "label_time")),
}
_TEXTS = {
    *((Prediction, name) for name in ("id", "prediction")),
    *((Alert, name) for name in ("id", "entity")),
    *((LabelledEvent, name) for name in ("id", "label", "prediction")),
}
"""Of several types: a text as it is, anything else as JSON writes it."""
_OF_TASK: dict[str, Kind] = {"binary": "bool", "regression": "float"}
"""Where labels have one type, the history has them in it."""

Take = Callable[[Any], Value]


class Rows:
    """Makes rows of the records of one topic.

    Args:
        type_: The type of its values.
        decode: A value to that type.
        kinds: Of columns by name, where they are not those of the type.

    Attributes:
        columns: Of each row, the coordinates first.
    """

    def __init__(
        self,
        type_: type[msgspec.Struct],
        decode: Callable[[bytes], msgspec.Struct],
        kinds: Mapping[str, Kind] = MappingProxyType({}),
    ) -> None:
        parts = list(_parts(type_, kinds))
        self.columns = (*COORDINATES, *(column for column, _ in parts))
        self._takes = [take for _, take in parts]
        self._decode = decode

    def row(self, record: Record) -> Row:
        """The row of a record.

        Raises:
            One of `topics.codecs.UNDECODABLE`: The value is not of the type.
        """
        value = self._decode(record.value())
        key, (known, time) = record.key(), record.timestamp()
        text = None if key is None else key.decode(errors="backslashreplace")
        own = (record.partition() or 0, record.offset() or 0, time if known else None, text)
        return (*own, *(take(value) for take in self._takes))


def rows_of(pipeline: Pipeline, topic: SinkTopic) -> Rows:
    """Makes rows of one of the topics of a pipeline, which it must have."""
    type_, kinds = OUTPUTS[topic], dict[str, Kind]()
    if topic == "history" and (kind := _OF_TASK.get(new_model(pipeline).task)) is not None:
        kinds = {"label": kind, "prediction": kind}
    return Rows(type_, codec_of(pipeline, topic).decoder(type_), kinds)


def _parts(
    type_: type[msgspec.Struct], kinds: Mapping[str, Kind], prefix: str = ""
) -> Iterator[tuple[Column, Take]]:
    """The columns of a type, each with what takes its value out of an object."""
    for name, hint in typing.get_type_hints(type_).items():
        if (type_, name) in _LEFT_OUT:
            continue
        part = next((each for each in (ModelVersion, Source) if hint in (each, each | None)), None)
        if part is not None:
            for column, take in _parts(part, kinds, f"{name}_"):
                yield column, _within(name, take)
            continue
        kind = kinds.get(prefix + name) or _kind(type_, name, hint)
        mixed = kind == "text" and (type_, name) in _TEXTS
        yield Column(prefix + name, kind), _taken(name, kind, mixed)


def _kind(type_: type[msgspec.Struct], name: str, hint: Any) -> Kind:
    if (type_, name) in _TIMES:
        return "time"
    if (type_, name) in _TEXTS:
        return "text"
    kinds = [each for each in typing.get_args(hint) or (hint,) if each is not type(None)]
    if len(kinds) != 1:
        return "json"
    is_word = typing.get_origin(kinds[0]) is Literal
    return "text" if is_word else _KINDS.get(kinds[0], "json")


def _taken(name: str, kind: Kind, mixed: bool) -> Take:
    if kind != "json" and not mixed:
        return lambda value: getattr(value, name)

    def take(value: Any) -> Value:
        found = getattr(value, name)
        if found is None or (mixed and isinstance(found, str)):
            return found
        return msgspec.json.encode(found).decode()

    return take


def _within(name: str, take: Take) -> Take:
    def of_part(value: Any) -> Value:
        part = getattr(value, name)
        return None if part is None else take(part)

    return of_part
