"""Reads topics from their beginning to the end that they have now."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from app.errors import RightMissing
from app.kafka.admin import TIMEOUT
from app.kafka.clients import reading_consumer
from app.kafka.cluster import Cluster
from app.kafka.following import Following, ReadError, read_to_ends
from app.kafka.offsets import list_offsets
from app.kafka.rights import needed, require_group
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from topics.records import Record

__all__ = ["ReadError", "Reader", "reading"]

STILL_SECONDS = 60.0
"""How long a read waits without any progress: longer than a hanging transaction lives."""


class Reader:
    """A consumer outside any group's membership; it reads committed records only.

    Args:
        consumer: librdkafka's settings, see `app.kafka.clients.reading_consumer`.
        admin: librdkafka's settings of an admin client.
    """

    def __init__(self, consumer: Mapping[str, Any], admin: Mapping[str, Any]) -> None:
        self._group = consumer["group.id"]
        self._consumer = Consumer(dict(consumer))
        self._admin = AdminClient(dict(admin))

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()

    def partitions(self, topic: str) -> list[int]:
        """The numbers of the partitions of `topic`.

        Raises:
            ReadError: When there is no such topic.
            RightMissing: When this user may not see it.
        """
        # The admin client then lists offsets by the leaders that there are now; `list_topics` of
        # it might create the topic.
        asked = TopicCollection([topic])
        try:
            described = self._admin.describe_topics(asked, request_timeout=30)[topic].result()
        except KafkaException as error:
            why = error.args[0]
            if why.code() < 0:  # nobody answered
                raise
            if why.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise RightMissing(needed([f"Read topic {topic}"])) from None
            raise ReadError(
                f"{topic}: {why.str()} (riverrun topics FILE creates a pipeline's topics)"
            ) from None
        return sorted(partition.id for partition in described.partitions)

    def committed(self, topic: str) -> dict[int, int | None]:
        """The stable committed offset of each partition; None where there is none yet.

        Raises:
            RightMissing: When this user may not see the group.
        """
        require_group(self._admin, self._group)  # else librdkafka tries until its time is up
        asked = [TopicPartition(topic, number) for number in self.partitions(topic)]
        answer = self._consumer.committed(asked, timeout=30)
        for tp in answer:
            if tp.error is not None:
                raise KafkaException(tp.error)
        return {tp.partition: tp.offset if tp.offset >= 0 else None for tp in answer}

    def ends(self, topic: str) -> dict[int, int]:
        """The end of each partition, with the transactions that are still open.

        What a committed input offset stands for is below it, even where the marker of its
        transaction has not reached the partition yet.
        """
        return self._offsets(topic, OffsetSpec.latest())

    def starts(self, topic: str) -> dict[int, int]:
        """The offset of the first record of each partition that is still there."""
        return self._offsets(topic, OffsetSpec.earliest())

    def at(self, topic: str, time: int) -> dict[int, int]:
        """The offset of the first record of each partition at or after a time, or its end.

        Args:
            topic: Which one.
            time: Milliseconds since 1970.
        """
        ends = self.ends(topic)
        asked = [TopicPartition(topic, number, time) for number in ends]
        found = {tp.partition: tp for tp in self._consumer.offsets_for_times(asked, timeout=30)}
        for tp in found.values():
            if tp.error is not None:
                raise KafkaException(tp.error)
        return {n: tp.offset if tp.offset >= 0 else ends[n] for n, tp in found.items()}

    def _offsets(self, topic: str, spec: OffsetSpec) -> dict[int, int]:
        asked = {TopicPartition(topic, number): spec for number in self.partitions(topic)}
        return list_offsets(self._admin, asked, IsolationLevel.READ_UNCOMMITTED, 30)

    def count(self, topic: str, begin: Mapping[int, int], seconds: float = 5.0) -> dict[int, int]:
        """How many committed records lie from an offset on to the end, by partition.

        Markers of transactions and what was rolled back are none. A partition that cannot be
        read to its end within some seconds is left out. Meant for few records.
        """
        places = [TopicPartition(topic, number, at) for number, at in begin.items()]
        following, found = Following(self._consumer, places), dict.fromkeys(begin, 0)
        deadline = time.monotonic() + seconds
        try:
            while len(following.ended) < len(places) and time.monotonic() < deadline:
                for message in following.records(0.1):
                    found[message.partition() or 0] += 1
        finally:
            self._consumer.unassign()
        return {number: found[number] for _, number in following.ended}

    def read(self, topic: str, start: Mapping[int, int] | None = None) -> Iterator[Record]:
        """The records of all partitions up to where each ends now.

        Args:
            topic: What to read.
            start: Offsets to begin at; the beginning where a partition is not named.

        Raises:
            ReadError: When the topic does not exist, or stands still before its end.
            RightMissing: When this user may not read it.
        """
        ends = self.ends(topic)
        begin = {(topic, n): (start or {}).get(n, OFFSET_BEGINNING) for n in ends}
        to = {(topic, n): end for n, end in ends.items()}
        yield from read_to_ends(self._consumer, begin, to, patience=STILL_SECONDS)


@contextmanager
def reading(pipeline: Pipeline, kafka: KafkaSettings, group: str | None = None) -> Iterator[Reader]:
    """A reader of the pipeline's topics, with the offsets of `group` or else of its workers.

    Raises:
        BrokerUnreachable: No broker answers, or none lets the program in.
    """
    Cluster(kafka, TIMEOUT).topics()  # says in one line why there is no Kafka, if there is none
    reader = Reader(reading_consumer(kafka, group or pipeline.group), kafka.admin())
    try:
        yield reader
    finally:
        reader.close()
