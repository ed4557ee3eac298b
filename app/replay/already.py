"""Whether what is to be sent is on the topics already."""

import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from app.replay.records import Encoded

LOOK = 1_000
"""Records of a partition that are compared."""
SECONDS = 15.0

Ranges = dict[TopicPartition, int]
"""Where to begin to read, and where to end, exclusive."""

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
        settings: Librdkafka's settings of a consumer.
        wanted: Some records of a source.

    Returns:
        The first that was found; None where none is among the records that were looked at.
    """
    own = {"group.id": "riverrun-replay", "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = Consumer({**settings, **own})
    try:
        for record in wanted:
            bounds = _bounds(consumer, record.topic)
            for ranges in _where_to_look(consumer, record, bounds):
                if (found := _among(consumer, ranges, record)) is not None:
                    return Found(record, found, sum(high - low for low, high in bounds.values()))
        return None
    finally:
        consumer.close()


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
            place = TopicPartition(tp.topic, tp.partition, start)
            found[place] = min(high, start + LOOK)
    return found


def _among(consumer: Consumer, ranges: Ranges, wanted: Encoded) -> Message | None:
    ends = {tp.partition: end for tp, end in ranges.items()}
    consumer.assign(list(ranges))
    deadline = time.monotonic() + SECONDS
    while ends and time.monotonic() < deadline:
        for message in consumer.consume(LOOK, 0.1):
            partition, error = message.partition() or 0, message.error()
            if error is not None and error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            if error is None and _same(message, wanted):
                return message
            if error is not None or (message.offset() or 0) + 1 >= ends.get(partition, 0):
                ends.pop(partition, None)
    return None


def _same(message: Message, wanted: Encoded) -> bool:
    return (
        message.value() == wanted.value
        and message.key() == wanted.key
        and wanted.timestamp in (0, message.timestamp()[1])
    )
