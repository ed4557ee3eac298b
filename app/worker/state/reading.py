"""Reads topics up to where they end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    TopicPartition,
)

from app.kafka.asking import ANSWER_SECONDS, Asking, RestoreTimeout
from app.kafka.partitions import TP
from app.worker.state.reader import StateReader

log = logging.getLogger("riverrun.worker")


def read_until(
    consumer: Consumer,
    topic: str,
    ends: Mapping[int, int],
    readers: Mapping[int, StateReader],
    timeout: float,
    check: Callable[[], None],
) -> dict[int, int]:
    """Feed each reader until the position has passed the end of its partition.

    Args:
        consumer: Reads committed records, and reports the ends of partitions.
        topic: The state topic.
        ends: Read uncommitted: a transaction's marker may still be under way.
        readers: By partition. One that has read before goes on where it stopped.
        timeout: Seconds without any progress, after which the rest is given up.
        check: Raises when it is time to stop.

    Returns:
        How many records were read, by partition.

    Raises:
        RestoreTimeout: when there is no progress for ``timeout`` seconds.
    """
    read = dict.fromkeys(readers, 0)
    pending = {p for p, reader in readers.items() if reader.next_offset < ends[p]}
    consumer.assign(
        [
            TopicPartition(topic, p, readers[p].next_offset or OFFSET_BEGINNING)
            for p in sorted(pending)
        ]
    )
    try:
        last_progress = time.monotonic()
        while pending:
            check()
            for message in consumer.consume(10_000, 0.05):
                partition, error = message.partition() or 0, message.error()
                if error is None:
                    last_progress = time.monotonic()
                    read[partition] += 1
                    readers[partition].apply(message.key(), message.value(), message.offset())
                elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                    # It reads this partition no more: a worker that starts again asks again.
                    raise RestoreTimeout(f"{topic}[{partition}]: {error.str()}")
                elif error.code() != KafkaError._PARTITION_EOF:
                    log.warning("%s: %s", topic, error.str())
                elif (message.offset() or 0) >= ends[partition]:
                    pending.discard(partition)
            if time.monotonic() - last_progress > timeout:
                raise RestoreTimeout(
                    f"{topic}: partitions {sorted(pending)} stand still; a transaction may hang"
                    " there"
                )
    finally:
        consumer.unassign()
    return read


def nothing_from(
    consumer: Consumer, asking: Asking, topics: Sequence[str], offsets: Mapping[TP, int | None]
) -> bool:
    """Whether the topics hold nothing from these offsets on, nor a transaction for them.

    False also where Kafka does not answer in time.

    Args:
        consumer: Reads committed records, and reports the ends of partitions.
        asking: Asks for ends and leaders.
        topics: Which ones to look at.
        offsets: Of these topics and of others; None is the beginning.
    """
    pending = {at for at in offsets if at.topic in topics}
    # As in a restore: the marker of a transaction may still be under way.
    ends = {
        TP(topic, partition): end
        for topic in topics
        for partition, end in asking.ends(
            topic,
            [at.partition for at in pending if at.topic == topic],
            IsolationLevel.READ_UNCOMMITTED,
        ).items()
    }
    places = [
        TopicPartition(*at, OFFSET_BEGINNING if (offset := offsets[at]) is None else offset)
        for at in pending
    ]
    for topic in {at.topic for at in pending}:
        asking.find_leaders(topic)
    deadline = time.monotonic() + ANSWER_SECONDS
    consumer.assign(places)
    try:
        while pending and time.monotonic() < deadline:
            asking.check()
            for message in consumer.consume(1_000, 0.05):
                error = message.error()
                if error is None:
                    return False
                at = TP(message.topic() or "", message.partition() or 0)
                at_end = error.code() == KafkaError._PARTITION_EOF
                if at_end and (message.offset() or 0) >= ends[at]:
                    pending.discard(at)
    finally:
        consumer.unassign()
    return not pending
