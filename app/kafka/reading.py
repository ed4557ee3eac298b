"""Reads topics from their beginning to the end that they have now."""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from app.errors import RightMissing, RiverrunError
from app.kafka.offsets import list_offsets
from app.kafka.rights import needed, require_group
from topics.records import Record

STILL_SECONDS = 60.0
"""How long a read waits without any progress: longer than a hanging transaction lives."""


class ReadError(RiverrunError):
    """A topic that is not there, or that cannot be read to its end."""


class Reader:
    """A consumer outside any group's membership; it reads committed records only.

    Args:
        consumer: librdkafka's settings, see `app.kafka.clients.restore_consumer`.
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

    def _offsets(self, topic: str, spec: OffsetSpec) -> dict[int, int]:
        asked = {TopicPartition(topic, number): spec for number in self.partitions(topic)}
        return list_offsets(self._admin, asked, IsolationLevel.READ_UNCOMMITTED, 30)

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
        begin = {number: (start or {}).get(number, OFFSET_BEGINNING) for number in ends}
        pending = {number for number, end in ends.items() if end > max(begin[number], 0)}
        self._consumer.assign([TopicPartition(topic, n, begin[n]) for n in sorted(pending)])
        try:
            last_progress = time.monotonic()
            while pending:
                batch = self._consumer.consume(10_000, 0.1)
                if batch:
                    last_progress = time.monotonic()
                elif time.monotonic() - last_progress > STILL_SECONDS:
                    raise ReadError(f"{topic}: partitions {sorted(pending)} stand still")
                yield from self._records(batch, ends, pending)
        finally:
            self._consumer.unassign()

    def _records(
        self, batch: Iterable[Message], ends: Mapping[int, int], pending: set[int]
    ) -> Iterator[Record]:
        for message in batch:
            number, offset = message.partition() or 0, message.offset() or 0
            error = message.error()
            if error is None and offset < ends[number]:
                yield message
            elif error is not None and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise RightMissing(needed([f"Read topic {message.topic()}"]))
            elif error is not None and error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            if offset >= ends[number] - (error is None):
                pending.discard(number)
