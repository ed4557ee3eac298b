"""Reads the state topic of a stage, up to where it ends."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from app.kafka.asking import RestoreTimeout
from app.worker.state.topic import StateReader

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
