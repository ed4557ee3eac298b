"""What a pipeline is: one frozen object per table of a pipeline file.

These models know the types and the bounds; `app.pipeline.load` reads the file and names the places.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.pipeline.durations import parse_duration, parse_retention

T = TypeVar("T")

Format = Literal["json", "msgpack"]

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,200}")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
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


Topic = Annotated[
    str,
    AfterValidator(
        _matching(_TOPIC, "must be a Kafka topic name: 1 to 249 letters, digits, '.', '_' or '-'")
    ),
]
Name = Annotated[
    str, AfterValidator(_matching(_NAME, "must be 1 to 200 letters, digits, '.', '_' or '-'"))
]
Module = Annotated[
    str, AfterValidator(_matching(_MODULE, 'must be a module of Python, such as "my_company.ml"'))
]
FieldName = Annotated[str, AfterValidator(_not_empty)]
Seconds = Annotated[float, BeforeValidator(parse_duration)]
PositiveSeconds = Annotated[float, BeforeValidator(parse_duration), AfterValidator(_positive)]
Features = Annotated[
    tuple[FieldName, ...], Field(strict=False, min_length=1), AfterValidator(_no_duplicates)
]
Day = Annotated[str, AfterValidator(_a_day)]
Retention = Annotated[float, BeforeValidator(parse_retention), AfterValidator(_positive)]
FlatValue = Annotated[str | int | float | bool, BeforeValidator(_flat_setting)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Modules = Annotated[tuple[Module, ...], Field(strict=False), AfterValidator(_no_duplicates)]
Function = Annotated[
    str,
    AfterValidator(_matching(_FUNCTION, 'must be "module:name", such as "my_company.fraud:night"')),
]
Functions = Annotated[tuple[Function, ...], Field(strict=False), AfterValidator(_no_duplicates)]
Windows = Annotated[
    tuple[PositiveSeconds, ...], Field(strict=False, min_length=1), AfterValidator(_no_duplicates)
]


class Table(BaseModel):
    """A table of a pipeline file: frozen, strict, and without keys of unknown meaning."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Events(Table):
    """The topic that the pipeline reads, and the fields of one event.

    `key` is the field that keys its records; `functions` make more fields of an event.
    """

    topic: Topic
    format: Format = "json"
    id: FieldName | None = None
    key: FieldName | None = None
    label: FieldName | None = None
    features: Features | None = None
    functions: Functions = ()

    @model_validator(mode="after")
    def _fields_have_one_meaning(self) -> Self:
        if self.id is not None and self.id == self.label:
            raise wrong("events.label", "must not be the same field as events.id")
        for key, field in (("id", self.id), ("label", self.label)):
            if field is not None and field in (self.features or ()):
                raise wrong("events.features", f'must not hold "{field}", which is events.{key}')
        return self


class Labels(Table):
    """The topic of the labels that come later than their events, and how long they are awaited.

    `on_expire` is "drop", or the label to be learned of an event that got none. `weights` says
    how often a label of each `source` (a field of the label) is learned. `max_waiting` bounds
    the events that wait, in each partition.
    """

    topic: Topic
    format: Format = "json"
    id: FieldName = "id"
    label: FieldName = "label"
    expire: PositiveSeconds = 30 * 86_400.0
    on_expire: FlatValue = "drop"
    source: FieldName | None = None
    weights: dict[str, Annotated[int, Field(ge=0, le=100)]] = {}
    max_waiting: int = Field(default=1_000_000, ge=1)
    max_idle: Seconds = 0.0

    @model_validator(mode="after")
    def _fields_have_one_meaning(self) -> Self:
        if self.label == self.id:
            raise wrong("labels.label", "must not be the same field as labels.id")
        if self.weights and self.source is None:
            raise wrong("labels.weights", "needs labels.source, the field that says whose label")
        return self


class Entity(Table):
    """The past of whatever a field names, such as a card: features over windows of event time.

    `source` is what brings it up to date: "events", or "labels" as they become known. Windows
    end `delay` before the event; they are made of counters, each `bucket` long.
    """

    field: FieldName
    source: Literal["events", "labels"] = "events"
    features: Features
    windows: Windows = (86_400.0,)
    delay: Seconds = 0.0
    bucket: PositiveSeconds | None = None


class Decisions(Table):
    """When a prediction becomes an alert: over a threshold, or within a budget.

    `budget` counts entities (the values of the field `entity`; events unless given) in each
    span of `per`. `reasons` is how many features a prediction names as its reasons.
    """

    topic: Topic | None = None
    format: Format = "json"
    threshold: Number | None = None
    budget: int | None = Field(default=None, ge=1)
    per: PositiveSeconds = 86_400.0
    entity: FieldName | None = None
    reasons: int = Field(default=0, ge=0, le=100)

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if self.threshold is not None and self.budget is not None:
            raise wrong("decisions.budget", "cannot be beside decisions.threshold")
        if self.topic is not None and self.threshold is None and self.budget is None:
            raise wrong("decisions.topic", "needs decisions.threshold or decisions.budget")
        return self


class Metrics(Table):
    """The topic on which the pipeline judges itself, in windows of event time.

    `entity` and `k` are those of card precision at k, `amount` (a field) and `fee` those of the
    money saved, `rule` a "module:name" that scores the fields of an event without a model.
    `frozen_since` is the day from which on the frozen model stays the same; `rivals` says
    whether predictions tell the scores of the frozen model and of the rule.
    """

    topic: Topic
    format: Format = "json"
    window: PositiveSeconds = 86_400.0
    k: int = Field(default=100, ge=1)
    entity: FieldName | None = None
    amount: FieldName | None = None
    fee: Number = Field(default=1.0, ge=0)
    rule: Function | None = None
    frozen: bool = True
    frozen_since: Day | None = None
    rivals: bool = False

    @model_validator(mode="after")
    def _has_rivals(self) -> Self:
        if self.frozen_since is not None and not self.frozen:
            raise wrong("metrics.frozen_since", "needs metrics.frozen")
        if self.rivals and not self.frozen and self.rule is None:
            raise wrong("metrics.rivals", "needs metrics.frozen or metrics.rule")
        return self


class StateStore(Table):
    """Where a worker keeps the state at hand: in memory, or in RocksDB on its disk."""

    store: Literal["memory", "rocksdb"] = "memory"
    folder: FieldName | None = None

    @model_validator(mode="after")
    def _only_rocksdb_has_a_folder(self) -> Self:
        if self.folder is not None and self.store != "rocksdb":
            raise wrong("state.folder", 'needs state.store = "rocksdb"')
        return self


class Predictions(Table):
    """The topic that the pipeline writes; `format` is that of the events unless given."""

    topic: Topic
    format: Format = "json"


class Step(BaseModel):
    """A step before the learner by its name; every other key is a parameter of the step."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    type: FieldName


class Learner(BaseModel):
    """The learner by its name; every other key of the table is a parameter of the learner."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    type: FieldName
    scale: bool = False
    drift: dict[str, Any] | None = None
    steps: Annotated[tuple[Step, ...], Field(strict=False)] = ()

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of the learner, as a new dict."""
        return dict(self.model_extra or {})

    @property
    def tables(self) -> list[dict[str, Any]]:
        """The steps before the learner, each as a new dict."""
        return [step.model_dump() for step in self.steps]


class Topics(Table):
    """How `riverrun topics` creates topics; `retention` (seconds) is the broker's unless given."""

    partitions: int = Field(default=4, ge=1)
    replication: int = Field(default=1, ge=1, le=32767)
    retention: Retention | None = None


class Worker(Table):
    """How a worker runs. All times in seconds, `max_batch` in records."""

    name: Name | None = None
    start: Literal["earliest", "latest"] = "earliest"
    commit_interval: PositiveSeconds = 0.1
    commit_floor: Seconds = 0.015
    session_timeout: PositiveSeconds = 6.0
    transaction_timeout: PositiveSeconds = 10.0
    max_batch: int = Field(default=5000, ge=1)
    web_host: FieldName = "127.0.0.1"
    web_port: int | None = Field(default=None, ge=1, le=65535)

    @model_validator(mode="after")
    def _times_are_in_order(self) -> Self:
        if self.commit_floor > self.commit_interval:
            raise wrong("worker.commit_floor", "must not be longer than worker.commit_interval")
        if self.transaction_timeout <= self.commit_interval:
            raise wrong("worker.transaction_timeout", "must be longer than worker.commit_interval")
        return self


class Snapshots(Table):
    """Modules, besides River's, whose objects a snapshot of a model may hold."""

    allow: Modules = ()


class Pipeline(Table):
    """A whole pipeline: what is read, learned and written, and how."""

    name: Name
    events: Events
    predictions: Predictions
    learner: Learner
    labels: Labels | None = None
    entities: Annotated[tuple[Entity, ...], Field(strict=False)] = ()
    decisions: Decisions = Decisions()
    metrics: Metrics | None = None
    state: StateStore = StateStore()
    topics: Topics = Topics()
    kafka: dict[str, FlatValue] = {}
    worker: Worker = Worker()
    snapshots: Snapshots = Snapshots()

    @property
    def group(self) -> str:
        """The consumer group of the workers."""
        return self.name

    @property
    def state_topic(self) -> str:
        """The compacted topic that holds models and waiting state."""
        return f"{self.name}.state.v1"

    @property
    def dead_letter_topic(self) -> str:
        """The topic of the events that could not be used."""
        return f"{self.name}.dead-letters.v1"

    @model_validator(mode="before")
    @classmethod
    def _predictions_speak_as_events(cls, data: Any) -> Any:
        events, predictions = (_table(data, name) for name in ("events", "predictions"))
        if "format" in events and predictions and "format" not in predictions:
            return data | {"predictions": predictions | {"format": events["format"]}}
        return data


def _table(data: Any, name: str) -> dict[str, Any]:
    table = data.get(name) if isinstance(data, dict) else None
    return table if isinstance(table, dict) else {}
