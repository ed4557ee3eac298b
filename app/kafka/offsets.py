"""Asks brokers for the first or last offsets of partitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from app.kafka.identity import identities


def list_offsets(
    admin: AdminClient,
    asked: Mapping[TopicPartition, OffsetSpec],
    isolation: IsolationLevel,
    seconds: float,
) -> dict[int, int]:
    """The offsets by partition, of one topic.

    Args:
        admin: Asks.
        asked: What, of each partition.
        isolation: What counts as the last one.
        seconds: How long the brokers may take.

    Raises:
        KafkaException: also where librdkafka gives neither an offset nor an error, as it does
            for a partition whose leader has just gone: that is no empty partition.
    """
    futures = admin.list_offsets(dict(asked), isolation_level=isolation, request_timeout=seconds)
    found = {tp.partition: future.result().offset for tp, future in futures.items()}
    if unknown := sorted(partition for partition, offset in found.items() if offset < 0):
        what = f"no broker names an offset of the partitions {unknown}"
        raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE, what))
    return found


def current_offsets(
    admin: AdminClient,
    topic: str,
    partitions: Iterable[int],
    spec: OffsetSpec,
    isolation: IsolationLevel,
    seconds: float,
) -> dict[int, int]:
    """The offsets by partition of a topic; to be asked again where it fails.

    Raises:
        KafkaException: As `list_offsets`. The next call then asks the leaders of that time.
    """
    asked = {TopicPartition(topic, p): spec for p in partitions}
    try:
        return list_offsets(admin, asked, isolation, seconds)
    except KafkaException:
        # It goes on asking by the leader and the epoch that it remembers: look again.
        identities(admin, [topic], seconds)
        raise
