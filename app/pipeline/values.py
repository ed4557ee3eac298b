"""The values of a pipeline file's keys: types that know their bounds."""

import re
from collections.abc import Callable
from datetime import date
from typing import Annotated, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from app.pipeline.durations import DURATION, parse_duration, parse_retention

T = TypeVar("T")

Format = Literal["json", "msgpack"]
StreamFormat = Literal["json", "msgpack", "avro"]
"""Of a topic that has a schema of its own in a registry, or may have."""
OutputFormat = Literal["json", "msgpack", "connect-json"]
PredictionFormat = Literal["json", "msgpack", "avro", "connect-json"]
"""Of what Kafka Connect may carry on, with a schema in each value."""

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,200}")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_CLASS = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_$][\w$]*)+")
_SINK = re.compile(r"[A-Za-z0-9_-]{1,100}")
_FLAT_TYPES = (str, int, float, bool)


def wrong(key: str, what: str) -> PydanticCustomError:
    """An error about `key` (dotted) that concerns more than one key of the pipeline."""
    return PydanticCustomError("wrong_together", "{what}", {"key": key, "what": what})


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if pattern.fullmatch(value) is None or value in (".", ".."):
            raise ValueError(what)
        return value

    return check


def _not_empty(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value


def _positive(seconds: float) -> float:
    if seconds <= 0:
        raise ValueError("must be more than zero")
    return seconds


def _no_duplicates(values: tuple[T, ...]) -> tuple[T, ...]:
    twice = [value for value in values if values.count(value) > 1]
    if twice:
        raise ValueError(f'has "{twice[0]}" more than once')
    return values


def _a_day(value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise ValueError('must be a date, such as "2018-05-03"') from None


def _flat_setting(value: object) -> object:
    if not isinstance(value, _FLAT_TYPES):
        raise ValueError("must be a text, a number, true or false")
    return value


def _in_schema(pattern: str, *examples: str) -> WithJsonSchema:
    """What the JSON Schema says of a text that matches a pattern."""
    shown = {"examples": [*examples]} if examples else {}
    return WithJsonSchema({"type": "string", "pattern": f"^({pattern})$", **shown})


Topic = Annotated[
    str,
    AfterValidator(
        _matching(_TOPIC, "must be a Kafka topic name: 1 to 249 letters, digits, '.', '_' or '-'")
    ),
    _in_schema(_TOPIC.pattern),
]
Name = Annotated[
    str,
    AfterValidator(_matching(_NAME, "must be 1 to 200 letters, digits, '.', '_' or '-'")),
    _in_schema(_NAME.pattern),
]
Module = Annotated[
    str,
    AfterValidator(_matching(_MODULE, 'must be a module of Python, such as "my_company.ml"')),
    _in_schema(_MODULE.pattern),
]
SinkName = Annotated[
    str,
    AfterValidator(_matching(_SINK, "must be 1 to 100 letters, digits, '_' or '-'")),
    _in_schema(_SINK.pattern),
]
JavaClass = Annotated[
    str,
    AfterValidator(
        _matching(_CLASS, 'must be "mongodb", "iceberg", "jdbc", or the Java class of a connector')
    ),
    _in_schema(_CLASS.pattern),
]
FieldName = Annotated[str, AfterValidator(_not_empty)]
_IN_SCHEMA = _in_schema(DURATION, "100ms", "8d")
Seconds = Annotated[float, BeforeValidator(parse_duration), _IN_SCHEMA]
PositiveSeconds = Annotated[
    float, BeforeValidator(parse_duration), AfterValidator(_positive), _IN_SCHEMA
]
Features = Annotated[
    tuple[FieldName, ...], Field(strict=False, min_length=1), AfterValidator(_no_duplicates)
]
Day = Annotated[str, AfterValidator(_a_day), _in_schema(r"\d{4}-\d{2}-\d{2}", "2018-05-03")]
Retention = Annotated[
    float,
    BeforeValidator(parse_retention),
    AfterValidator(_positive),
    _in_schema(f"forever|{DURATION}", "30d", "forever"),
]
FlatValue = Annotated[str | int | float | bool, BeforeValidator(_flat_setting)]
LabelValues = dict[str, FlatValue]
Number = Annotated[float, Field(allow_inf_nan=False)]
Modules = Annotated[tuple[Module, ...], Field(strict=False), AfterValidator(_no_duplicates)]
Function = Annotated[
    str,
    AfterValidator(_matching(_FUNCTION, 'must be "module:name", such as "my_company.fraud:night"')),
    _in_schema(_FUNCTION.pattern),
]
Functions = Annotated[tuple[Function, ...], Field(strict=False), AfterValidator(_no_duplicates)]
Windows = Annotated[
    tuple[PositiveSeconds, ...], Field(strict=False, min_length=1), AfterValidator(_no_duplicates)
]


class Table(BaseModel):
    """A table of a pipeline file: frozen, strict, and without keys of unknown meaning."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
