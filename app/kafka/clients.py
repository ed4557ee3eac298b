"""The settings of all Kafka clients: what riverrun decides, over what the user may choose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from app.pipeline.stages import merged_topics
from topics.specs import LARGEST_LETTER, MAX_MESSAGE_BYTES

MURMUR2 = "murmur2_random"
"""The partitioner of Java's clients: a key meets the same partition, whoever writes it."""

HEARTBEATS = 20
"""In a session: another one that left or was lost is noticed by the answer to a heartbeat."""


def group_consumer(
    pipeline: Pipeline, kafka: KafkaSettings, worker_name: str = ""
) -> dict[str, Any]:
    """The consumer that reads the input as a member of the group."""
    worker, merges = pipeline.worker, bool(merged_topics(pipeline))
    own: dict[str, Any] = {
        "group.id": pipeline.group,
        "session.timeout.ms": _ms(worker.session_timeout),
        "heartbeat.interval.ms": max(100, min(3000, _ms(worker.session_timeout) // HEARTBEATS)),
        # Co-partitioned topics stay together only under this one.
        "partition.assignment.strategy": "range",
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        # One answer of the broker holds some commits' worth of events, also of one partition;
        # of partitions that are merged none should run far ahead.
        "max.partition.fetch.bytes": (1 if merges else 8) * 1024 * 1024,
        "enable.partition.eof": merges,
        # Where enough is read ahead, look again soon: after librdkafka's second all is used up.
        "fetch.queue.backoff.ms": 20,
    }
    if worker_name:
        # By this the others know whose transaction may be left open; it decides the order too.
        own["client.id"] = transactional_id(pipeline, worker_name)
    if worker.is_static:
        # A known name comes back to its partitions without a rebalance.
        own["group.instance.id"] = f"{pipeline.name}-{worker.name}"
    return kafka.consumer(own)


def sink_consumer(pipeline: Pipeline, kafka: KafkaSettings, sink: str) -> dict[str, Any]:
    """The consumer of a sink: a member of the sink's group, whose positions lie in the store."""
    return kafka.consumer(
        {
            "group.id": pipeline.sink_group(sink),
            "session.timeout.ms": _ms(pipeline.worker.session_timeout),
            "heartbeat.interval.ms": max(
                100, min(3000, _ms(pipeline.worker.session_timeout) // HEARTBEATS)
            ),
            "partition.assignment.strategy": "range",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            # The store may be slower than Kafka: what is read ahead stays small.
            "queued.max.messages.kbytes": 32_768,
        }
    )


def reading_consumer(
    kafka: KafkaSettings, group: str, own: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A consumer of committed records that never joins a group, and commits nothing.

    Args:
        kafka: Reaches the cluster.
        group: Whose offsets it can ask for; this user must have the right to see it.
        own: More settings of this consumer.
    """
    return kafka.consumer(
        {
            "group.id": group,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            # What lies between two stages is deleted once it was read: begin with what is there.
            "auto.offset.reset": "earliest",
            **(own or {}),
        }
    )


def restore_consumer(pipeline: Pipeline, kafka: KafkaSettings) -> dict[str, Any]:
    """The consumer that reads offsets and state; it has the group's id but never joins."""
    own = {
        # An empty answer reports the end of a partition: do not wait for it.
        "fetch.wait.max.ms": 10,
        "fetch.error.backoff.ms": 20,
        "auto.offset.reset": "error",
    }
    return reading_consumer(kafka, pipeline.group, own)


def transactional_id(pipeline: Pipeline, worker_name: str) -> str:
    """Of a worker."""
    # No name has a slash: "a-b" of "c" is not "b-c" of "a".
    return f"{pipeline.name}/{worker_name}"


def transactional_producer(
    pipeline: Pipeline, kafka: KafkaSettings, worker_name: str
) -> dict[str, Any]:
    """The producer of outputs and state."""
    return kafka.producer(
        {
            "transactional.id": transactional_id(pipeline, worker_name),
            "transaction.timeout.ms": _ms(pipeline.worker.transaction_timeout),
            "queue.buffering.max.messages": 1_000_000,
            # The largest dead letter; what is too large for a topic its broker refuses.
            "message.max.bytes": LARGEST_LETTER + MAX_MESSAGE_BYTES,
            "partitioner": MURMUR2,
        }
    )


def resending_producer(kafka: KafkaSettings, transactional_id: str) -> dict[str, Any]:
    """The producer that sends dead letters back."""
    return kafka.producer({"transactional.id": transactional_id})


def replay_producer(kafka: KafkaSettings, own: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The producer of events and labels that come from a file or a simulation."""
    return kafka.producer(
        {
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": MURMUR2,
            "linger.ms": 5,
            "compression.type": "lz4",
            "message.max.bytes": MAX_MESSAGE_BYTES,  # an event's largest value, with its key
            **(own or {}),
        }
    )


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
