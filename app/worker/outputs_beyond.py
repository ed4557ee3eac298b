"""Outputs of events that no committed offset covers: what a torn transaction has left.

Outputs, state and offsets become visible together, so a prediction of an event at or beyond the
offset of its partition cannot be there. Where one is, Kafka has committed a part of a transaction.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from confluent_kafka import Consumer, IsolationLevel, KafkaError, TopicPartition

from app.pipeline.load import Pipeline
from app.worker.asking import Asking
from topics.codecs import Codec
from topics.records import ModelVersion, Source

TAIL = 100
"""Offsets of each partition that are looked at, from its end: a few transactions."""
STILL_SECONDS = 10.0
"""After so long without a record, what was not read is left out."""


class _Said(msgspec.Struct, gc=False):
    """The part of a prediction or an alert that says whose it is."""

    model: ModelVersion
    source: Source


@dataclass(frozen=True, slots=True)
class Beyond:
    """An output that no committed offset covers.

    Attributes:
        topic: Where it lies.
        partition: Of that topic.
        offset: Its own.
        source: The partition of its event.
        event: The offset of its event.
    """

    topic: str
    partition: int
    offset: int
    source: int
    event: int


@dataclass(frozen=True, slots=True)
class OutputTopic:
    """A topic whose records name their event.

    Attributes:
        name: Of the topic.
        codec: Reads its records.
        beside: Whether a record lies in the partition of its event; else anywhere.
    """

    name: str
    codec: Codec
    beside: bool


def output_topics(
    pipeline: Pipeline, partitions: Mapping[str, int], stages: int
) -> list[OutputTopic]:
    """The predictions and the alerts."""
    said, alerts = pipeline.predictions, pipeline.decisions
    beside = stages == 1 and partitions.get(said.topic) == partitions.get(pipeline.events.topic)
    found = [OutputTopic(said.topic, Codec(said.format), beside)]
    if alerts.topic is not None:
        found.append(OutputTopic(alerts.topic, Codec(alerts.format), False))
    return found


class OutputReader:
    """Reads outputs of a pipeline, committed ones only.

    Args:
        pipeline: Whose.
        consumer: Reads committed records and reports the ends of partitions.
        asking: Asks for starts and ends.
    """

    def __init__(self, pipeline: Pipeline, consumer: Consumer, asking: Asking) -> None:
        self._name = pipeline.name
        self._events = pipeline.events.topic
        self._consumer = consumer
        self._asking = asking

    def beyond(
        self,
        outputs: OutputTopic,
        places: Collection[int],
        done: Mapping[int, int],
        tail: int | None = TAIL,
    ) -> list[Beyond]:
        """The outputs of events at or beyond what is done, in the order of their offsets.

        Args:
            outputs: The topic.
            places: Its partitions that are read.
            done: By partition of the events: the offset up to which they are done.
            tail: How many offsets of each partition are read; all of them for None.
        """
        found = []
        for record in self._read(outputs.name, places, tail):
            said = self._said(outputs, record.value())
            if said is None:
                continue
            at = said.source
            if at.partition in done and at.offset >= done[at.partition]:
                where = (outputs.name, record.partition() or 0, record.offset() or 0)
                found.append(Beyond(*where, at.partition, at.offset))
        return sorted(found, key=lambda one: (one.partition, one.offset))

    def _said(self, outputs: OutputTopic, value: bytes | None) -> _Said | None:
        """Whose output it is; None where it is another's."""
        try:
            said = msgspec.convert(outputs.codec.decode(value), _Said)
        except Exception:  # whatever somebody else has written there
            return None
        return said if said.model.name == self._name and said.source.topic == self._events else None

    def _read(self, topic: str, places: Collection[int], tail: int | None) -> Iterator[Any]:
        ends = self._asking.ends(topic, places, IsolationLevel.READ_UNCOMMITTED)
        starts = self._asking.starts(topic, places)
        begin = {p: max(starts[p], 0 if tail is None else ends[p] - tail) for p in places}
        pending = {p for p in places if begin[p] < ends[p]}
        self._consumer.assign([TopicPartition(topic, p, begin[p]) for p in sorted(pending)])
        last = time.monotonic()
        try:
            while pending and time.monotonic() - last < STILL_SECONDS:
                self._asking.check()
                for message in self._consumer.consume(10_000, 0.05):
                    error = message.error()
                    if error is None:
                        last = time.monotonic()
                        yield message
                    elif error.code() == KafkaError._PARTITION_EOF:
                        if (message.offset() or 0) >= ends[message.partition() or 0]:
                            pending.discard(message.partition() or 0)
        finally:
            self._consumer.unassign()


def told(beyond: Sequence[Beyond]) -> str:
    """In one line, which outputs there are, by their own places and by their events."""
    parts = []
    for topic, partition in dict.fromkeys((one.topic, one.partition) for one in beyond):
        here = [one for one in beyond if (one.topic, one.partition) == (topic, partition)]
        events = [one.event for one in here]
        count = f"{len(here):,} records" if len(here) > 1 else "1 record"
        parts.append(
            f"{topic}[{partition}] has {count} at offsets {here[0].offset} to {here[-1].offset},"
            f" of the events {min(events)} to {max(events)} of partition {here[0].source}"
        )
    return "; ".join(parts)
