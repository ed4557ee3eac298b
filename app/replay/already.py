"""Whether what is to be sent is on the topics already."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any, NamedTuple

from confluent_kafka import Consumer, Message, TopicPartition

from app.kafka.following import Place, read_to_ends
from app.replay.records import Encoded

LOOK = 1_000
"""Records of a partition that are compared."""
SECONDS = 15.0

Ranges = dict[Place, tuple[int, int]]
"""Where to begin to read a partition, and where to end, exclusive."""

Bounds = dict[TopicPartition, tuple[int, int]]
"""The first offset of each partition of a topic, and its end."""


class Found(NamedTuple):
    """A record of the source, the same one on Kafka, and how many its topic has."""

    record: Encoded
    there: Message
    records: int

    def __str__(self) -> str:
        place = f"{self.there.topic()}[{self.there.partition()}]@{self.there.offset()}"
        resume = "--resume sends what is after the newest record there, "
        return (
            f"{self.record.where} is on {self.record.topic} already, as {place} of {self.records:,}"
            f" records: {resume if self.record.timestamp else ''}--again sends all of it once"
            " more, so that the events count twice"
        )


def find(settings: Mapping[str, Any], wanted: Iterable[Encoded]) -> Found | None:
    """A record that is there already, with the same key and value, and time if it has one.

    A record with a time is looked for at that time, one without at both ends of the partitions.

    Args:
        settings: Librdkafka's settings of a consumer, see `app.kafka.clients.reading_consumer`.
        wanted: Some records of a source.

    Returns:
        The first that was found; None where none is among the records that were looked at.
    """
    with closing(Consumer(dict(settings))) as consumer:
        for record in wanted:
            bounds = _bounds(consumer, record.topic)
            for ranges in _where_to_look(consumer, record, bounds):
                if (found := _among(consumer, ranges, record)) is not None:
                    return Found(record, found, sum(high - low for low, high in bounds.values()))
    return None


def _bounds(consumer: Consumer, topic: str) -> Bounds:
    numbers = consumer.list_topics(topic, timeout=SECONDS).topics[topic].partitions
    places = [TopicPartition(topic, number) for number in numbers]
    return {tp: consumer.get_watermark_offsets(tp, timeout=SECONDS) for tp in places}


def _where_to_look(consumer: Consumer, record: Encoded, bounds: Bounds) -> list[Ranges]:
    if record.timestamp:
        asked = [TopicPartition(tp.topic, tp.partition, record.timestamp) for tp in bounds]
        starts = [tp.offset for tp in consumer.offsets_for_times(asked, timeout=SECONDS)]
        return [_ranges(bounds, starts)]
    return [
        _ranges(bounds, [low for low, _ in bounds.values()]),
        _ranges(bounds, [max(low, high - LOOK) for low, high in bounds.values()]),
    ]


def _ranges(bounds: Bounds, starts: Iterable[int]) -> Ranges:
    """From each start as far as is looked, where there is anything."""
    found = {}
    for (tp, (_, high)), start in zip(bounds.items(), starts, strict=True):
        if 0 <= start < high:
            found[tp.topic, tp.partition] = start, min(high, start + LOOK)
    return found


def _among(consumer: Consumer, ranges: Ranges, wanted: Encoded) -> Message | None:
    begin = {place: start for place, (start, _) in ranges.items()}
    ends = {place: end for place, (_, end) in ranges.items()}
    with closing(read_to_ends(consumer, begin, ends, patience=SECONDS)) as messages:
        return next((message for message in messages if _same(message, wanted)), None)


def _same(message: Message, wanted: Encoded) -> bool:
    return (
        message.value() == wanted.value
        and message.key() == wanted.key
        and wanted.timestamp in (0, message.timestamp()[1])
    )
