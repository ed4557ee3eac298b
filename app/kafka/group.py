"""The consumer group of a pipeline that stands still: who is in it, and how to be alone in it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from app.errors import RiverrunError
from app.kafka.clients import group_consumer
from app.kafka.identity import identities
from app.kafka.partitions import TP
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline

JOIN_SECONDS = 30.0
"""How long the group may take to let a member in."""


class GroupInUse(RiverrunError):
    """A worker of the pipeline runs, or has started. Nothing was changed."""


def members(pipeline: Pipeline, kafka: KafkaSettings) -> int:
    """How many members the group has."""
    admin = AdminClient(kafka.admin())  # lives until the answer is there
    asked = admin.describe_consumer_groups([pipeline.group], request_timeout=JOIN_SECONDS)
    try:
        return len(asked[pipeline.group].result().members)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.GROUP_ID_NOT_FOUND:
            raise
        return 0


def require_no_members(pipeline: Pipeline, kafka: KafkaSettings) -> None:
    """Raises GroupInUse where a worker runs, or was killed just now."""
    count = members(pipeline, kafka)
    if count:
        raise GroupInUse(
            f"the group {pipeline.group} has {count} member{'s' if count > 1 else ''}: stop"
            f" the workers first (one that was killed counts for"
            f" {pipeline.worker.session_timeout:g} s more)"
        )


@contextmanager
def only_member(
    pipeline: Pipeline, kafka: KafkaSettings, topics: Sequence[str]
) -> Iterator[tuple[list[TP], Any]]:
    """Be, for a moment, the only member of the group: what it commits is fenced by it.

    Args:
        pipeline: Whose group.
        kafka: Reaches the cluster.
        topics: To subscribe to.

    Yields:
        All partitions of the topics, ascending, and the group's metadata.

    Raises:
        GroupInUse: when a worker is there, too.
    """
    # A member with a name would stay in the group after it has left.
    named = group_consumer(pipeline, kafka)
    consumer = Consumer({k: v for k, v in named.items() if k != "group.instance.id"})
    got: list[tuple[list[TP], Any]] = []

    def assigned(_: Consumer, places: Sequence[TopicPartition]) -> None:
        found = sorted(TP(place.topic, place.partition) for place in places)
        got.append((found, consumer.consumer_group_metadata()))
        consumer.assign([])  # nothing is read

    with closing(consumer):
        there = identities(AdminClient(kafka.admin()), topics, JOIN_SECONDS)
        count = sum(topic.partitions for topic in there.values() if topic)
        consumer.subscribe(list(topics), on_assign=assigned)
        deadline = time.monotonic() + JOIN_SECONDS
        while not got:
            consumer.poll(0.1)
            if time.monotonic() > deadline:
                raise GroupInUse(f"the group {pipeline.group} let no member in")
        if len(got[0][0]) < count:
            raise GroupInUse(f"a worker of {pipeline.group} has started: stop it first")
        yield got[0]
