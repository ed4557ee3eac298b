"""The records that riverrun reads and writes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import methodcaller
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

Headers = Sequence[tuple[str, bytes | None]]


class Record(Protocol):
    """A record as it came from Kafka: what ``confluent_kafka.Message`` offers."""

    def topic(self) -> str | None: ...
    def partition(self) -> int | None: ...
    def offset(self) -> int | None: ...
    def key(self) -> Any: ...
    def value(self) -> Any: ...
    def timestamp(self) -> tuple[int, int]: ...
    def headers(self) -> Any: ...


class RecordColumns(Sequence[Record], ABC):
    """Records as columns: one of them is built only where it is asked for."""

    @abstractmethod
    def each(self, part: str) -> list[Any]:
        """A part of all; see ``of_each``."""

    @abstractmethod
    def some(self, at: Sequence[int]) -> RecordColumns:
        """The records at these places, in this order."""


def of_each(records: Sequence[Record], part: str) -> list[Any]:
    """A part of all records: what their method of that name returns.

    Where they are of one class its method is called without being looked up for each: that is
    two to four times as fast.
    """
    if isinstance(records, RecordColumns):
        return records.each(part)
    kinds = set(map(type, records))
    call = getattr(kinds.pop(), part) if len(kinds) == 1 else methodcaller(part)
    return list(map(call, records))


def some(records: Sequence[Record], at: Sequence[int]) -> Sequence[Record]:
    """The records at these places, in this order."""
    return records.some(at) if isinstance(records, RecordColumns) else [records[i] for i in at]


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition, in the order of their offsets.

    Attributes:
        topic: Where they came from.
        partition: Its number.
        records: The raw records; never empty.
        assignment: The one of the worker in which they were fetched; a later one makes them void.
        number: Counts the batches of this partition in this assignment, from 0.
        ends: The offset after the last record, by topic, where records of several topics with
            the same partitions were merged; `topic` is the first of those topics.
        places: Of each record among all that are read in this assignment, where partitions
            are merged too: what is read together is one round, with a batch for each partition.
        last: Whether no other batch of its round comes after it.
        mark: Which mark, of `learner.mark`, all records of its round lie behind, in the time of
            the events; None where there are no marks.
        operations: How many events and labels they hold, where a record may hold many; None: one
            each.
    """

    topic: str
    partition: int
    records: Sequence[Record]
    assignment: Any = None
    number: int = 0
    ends: Mapping[str, int] | None = None
    places: Sequence[int] | None = None
    last: bool = True
    mark: int | None = None
    operations: int | None = None

    @property
    def size(self) -> int:
        """How many events and labels there are in its records."""
        return len(self.records) if self.operations is None else self.operations

    @property
    def next_offsets(self) -> Mapping[str, int]:
        """The offset after the last record, by topic: what is committed once it is done."""
        if self.ends is not None:
            return self.ends
        return {self.topic: int(self.records[-1].offset() or 0) + 1}


class Outgoing(NamedTuple):
    """A record to be written.

    Attributes:
        topic: Where to.
        key: Its key, or None.
        value: Its value; None is a tombstone.
        partition: Its number, or None to choose by the key.
        headers: Names and values.
        timestamp: Milliseconds since 1970, or None for now.
        place: Of the record that it is written for, see `Batch.places`: what several partitions
            send to one is written in this order.
        on_delivery: Called with an error or None, and the message, once the broker has it.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: Headers | None = None
    timestamp: int | None = None
    place: int = 0
    on_delivery: Callable[[Any, Any], None] | None = None


class ModelVersion(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Which model predicted: its name, and the number of events it had learned before.

    Of a model that several learners learn `shares` has that number of each, and `version` is the
    least of them; left out where there is one learner.
    """

    name: str
    version: int
    shares: tuple[int, ...] | None = None


class Source(msgspec.Struct, frozen=True, gc=False):
    """The coordinates of a record on Kafka."""

    topic: str
    partition: int
    offset: int

    @classmethod
    def of(cls, record: Record) -> Source:
        """Those of ``record``."""
        return cls(record.topic() or "", record.partition() or 0, record.offset() or 0)


class Reason(msgspec.Struct, frozen=True, gc=False):
    """What a feature added to the margin of a linear model: its weight times its value."""

    feature: str
    contribution: float


class Prediction(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What is published for every event.

    Attributes:
        id: The event's own id; None where the pipeline names no id field.
        prediction: ``predict_one``: a class, a value, a cluster, or None before any learning.
        score: What ranks: the probability of the positive class, an anomaly score, the distance
            to the nearest centre, or the predicted value.
        model: Which model, at which version.
        source: The event that was scored.
        decision: "alert" or "pass"; left out where the pipeline decides nothing.
        threshold: The score from which on this event would have been an alert.
        reasons: The features that moved the score most, the strongest first.
        rivals: What the frozen model ("frozen") and the rule ("rule") predicted; left out unless
            `metrics.rivals` asks for them.
    """

    id: str | int | None
    prediction: bool | int | float | str | None
    score: float | None
    model: ModelVersion
    source: Source
    decision: Literal["alert", "pass"] | None = None
    threshold: float | None = None
    reasons: tuple[Reason, ...] | None = None
    rivals: Mapping[str, Any] | None = None


class Alert(msgspec.Struct, frozen=True, gc=False):
    """What is published when an entity, or an event, is to be looked at.

    Attributes:
        id: As in the prediction of the event that it is for.
        time: Of the event, in milliseconds since 1970.
        entity: Who is to be looked at: the value of the field ``decisions.entity``; None where
            that names none.
        score: As in the prediction.
        threshold: As in the prediction: the score from which on the event was an alert.
        reasons: As in the prediction.
        model: As in the prediction.
        source: As in the prediction.
        event: The fields of the event as they were scored, those that were made included.
    """

    id: str | int | None
    time: int
    entity: Any
    score: float | None
    threshold: float | None
    reasons: tuple[Reason, ...] | None
    model: ModelVersion
    source: Source
    event: Mapping[str, Any]
