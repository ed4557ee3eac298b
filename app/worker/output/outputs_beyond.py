"""Outputs of events that no committed offset covers: what a torn transaction has left.

Outputs, state and offsets become visible together, so a prediction of an event at or beyond the
offset of its partition cannot be there. Where one is, Kafka has committed a part of a transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from confluent_kafka import Consumer, IsolationLevel, KafkaError

from app.kafka.asking import Asking
from app.kafka.following import Place, StandsStill, read_to_ends
from app.worker.output.published import SourceOf

log = logging.getLogger("riverrun.worker")

TAIL = 100
"""Offsets of each partition that a restore looks at, from its end: a few transactions."""
STILL_SECONDS = 5.0
"""After so long without a record, what was not read is left out."""


class Beyond(NamedTuple):
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


class OutputReader:
    """Reads outputs, committed ones only.

    Args:
        consumer: Reads committed records and reports the ends of partitions.
        asking: Asks for starts and ends.
        events: The topic of the events.
        sources: How the records of each topic name their event.
    """

    def __init__(
        self, consumer: Consumer, asking: Asking, events: str, sources: Mapping[str, SourceOf]
    ) -> None:
        self._consumer = consumer
        self._asking = asking
        self._events = events
        self._sources = sources

    def beyond(
        self,
        topic: str,
        places: Collection[int],
        done: Mapping[int, int],
        *,
        tail: int | None = TAIL,
        since: Mapping[int, int] | None = None,
    ) -> list[Beyond]:
        """The outputs of events at or beyond what is done, in the order of their offsets.

        Args:
            topic: Of the outputs.
            places: Its partitions that are read.
            done: By partition of the events: the offset up to which they are done.
            tail: How many offsets of each partition are read; all of them for None.
            since: By partition of the outputs: what lies before is of an earlier topic of events.
        """
        found = []
        for record in self._read(topic, places, tail, since or {}):
            at = self._sources[topic](record.value(), record.headers())
            if at is None or at.topic != self._events or at.partition not in done:
                continue
            if at.offset >= done[at.partition]:
                where = (topic, record.partition(), record.offset())
                found.append(Beyond(*where, at.partition, at.offset))
        return sorted(found)

    def _read(
        self, topic: str, places: Collection[int], tail: int | None, since: Mapping[int, int]
    ) -> Iterator[Any]:
        # The last stable offset: what hangs open behind it is not waited for.
        ends = self._asking.ends(topic, places, IsolationLevel.READ_COMMITTED)
        starts = self._asking.starts(topic, places)
        begin = {
            p: max(starts[p], since.get(p, 0), 0 if tail is None else ends[p] - tail)
            for p in places
        }
        if any(begin[p] < ends[p] for p in places):
            self._asking.find_leaders(topic)
        try:
            yield from read_to_ends(
                self._consumer,
                {(topic, p): begin[p] for p in places},
                {(topic, p): ends[p] for p in places},
                patience=STILL_SECONDS,
                on_error=_warn,
                check=self._asking.check,
            )
        except StandsStill as still:
            log.warning("outputs of a torn transaction there would not be seen: %s", still)


def _warn(place: Place, error: KafkaError) -> None:
    log.warning("%s[%d]: %s", *place, error.str())


def described(beyond: Sequence[Beyond]) -> str:
    """In one line, which outputs there are, by their own places and by their events."""
    parts = []
    for topic, partition, source in dict.fromkeys((b.topic, b.partition, b.source) for b in beyond):
        here = [b for b in beyond if (b.topic, b.partition, b.source) == (topic, partition, source)]
        events = [one.event for one in here]
        count = f"{len(here):,} records" if len(here) > 1 else "1 record"
        parts.append(
            f"{topic}[{partition}] has {count} at offsets {here[0].offset} to {here[-1].offset},"
            f" of the events {min(events)} to {max(events)} of partition {source}"
        )
    return "; ".join(parts)
