"""The tables of what a pipeline reads and writes."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.pipeline.values import (
    Day,
    Features,
    FieldName,
    FlatValue,
    Function,
    Functions,
    LabelValues,
    Number,
    OutputFormat,
    PositiveSeconds,
    PredictionFormat,
    Seconds,
    StreamFormat,
    Table,
    Topic,
    Windows,
    wrong,
)


class Events(Table):
    """The topic that the pipeline reads, and the fields of one event.

    `key` is the field that keys its records; `functions` make more fields of an event;
    `label_values` says what labels stand for, such as `yes = true`.
    """

    topic: Topic
    format: StreamFormat = "json"
    id: FieldName | None = None
    key: FieldName | None = None
    label: FieldName | None = None
    features: Features | None = None
    functions: Functions = ()
    label_values: LabelValues = Field(default={})

    @model_validator(mode="after")
    def _fields_have_one_meaning(self) -> Self:
        if self.id is not None and self.id == self.label:
            raise wrong("events.label", "must not be the same field as events.id")
        for key, field in (("id", self.id), ("label", self.label)):
            if field is not None and field in (self.features or ()):
                raise wrong("events.features", f'must not hold "{field}", which is events.{key}')
        if self.label_values and self.label is None:
            raise wrong("events.label_values", "needs events.label, the field of the label")
        return self


class Labels(Table):
    """The topic of the labels that come later than their events, and how long they are awaited.

    `on_expire` is "drop", or the label to be learned of an event that got none. `weights` says
    how often a label of each `source` (a field of the label) is learned. `max_waiting` bounds
    the events that wait, in each partition. `label_values` is as in `[events]`. `key` is "id"
    where the records of labels are not keyed like their events.
    """

    topic: Topic
    format: StreamFormat = "json"
    id: FieldName = "id"
    label: FieldName = "label"
    expire: PositiveSeconds = 30 * 86_400.0
    on_expire: FlatValue = "drop"
    source: FieldName | None = None
    weights: dict[str, Annotated[int, Field(ge=0, le=100)]] = Field(default={})
    max_waiting: int = Field(default=1_000_000, ge=1)
    max_idle: Seconds = 0.0
    label_values: LabelValues = Field(default={})
    key: Literal["id"] | None = None

    @model_validator(mode="after")
    def _fields_have_one_meaning(self) -> Self:
        if self.label == self.id:
            raise wrong("labels.label", "must not be the same field as labels.id")
        if self.weights and self.source is None:
            raise wrong("labels.weights", "needs labels.source, the field that says whose label")
        return self


class Entity(Table):
    """The past of whatever a field names, such as a card: features over windows of event time.

    Without `field` it is that of the whole stream, of each partition. `source` is what brings it
    up to date: "events", or "labels" as they become known. Windows end `delay` before the event;
    they are made of counters, each `bucket` long.
    """

    field: FieldName | None = None
    source: Literal["events", "labels"] = "events"
    features: Features
    windows: Windows = (86_400.0,)
    delay: Seconds = 0.0
    bucket: PositiveSeconds | None = None


class Predictions(Table):
    """The topic that the pipeline writes; `format` is that of the events unless given."""

    topic: Topic
    format: PredictionFormat = "json"


class Decisions(Table):
    """When a prediction becomes an alert: over a threshold, or within a budget.

    `budget` counts entities (the values of the field `entity`; events unless given) in each
    span of `per`. `reasons` is how many features a prediction names as its reasons.
    """

    topic: Topic | None = None
    format: OutputFormat = "json"
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
    """The topic on which the pipeline evaluates itself, in windows of event time.

    `entity` and `k` are those of card precision at k, `amount` (a field) and `fee` those of the
    money saved, `rule` a "module:name" that scores the fields of an event without a model.
    `frozen_since` is the day from which on the frozen model stays the same; `rivals` says
    whether predictions tell the scores of the frozen model and of the rule.
    """

    topic: Topic
    format: OutputFormat = "json"
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
