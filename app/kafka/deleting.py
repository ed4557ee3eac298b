"""Deletes the topics of a pipeline, and its group: it begins anew after that."""

from __future__ import annotations

import time

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from app.errors import TopicError
from app.kafka.admin import TIMEOUT
from app.kafka.cluster import Cluster
from app.kafka.group import require_no_members
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from app.pipeline.topics import pipeline_topics


def deletable(pipeline: Pipeline, kafka: KafkaSettings, *, inputs: bool) -> list[str]:
    """The topics of the pipeline that are there; its inputs, which others write, on request.

    Raises:
        BrokerUnreachable: No broker answers, or none lets the program in.
    """
    there = Cluster(kafka, TIMEOUT).topics()
    named = [t.name for t in pipeline_topics(pipeline) if inputs or not t.is_input]
    return [name for name in named if name in there]


def delete_topics(pipeline: Pipeline, kafka: KafkaSettings, names: list[str]) -> None:
    """Delete these topics, and the group with its offsets; wait until they are gone.

    Raises:
        GroupInUse: A worker runs. Nothing was deleted.
        TopicError: A topic cannot be deleted.
    """
    require_no_members(pipeline, kafka)
    admin = AdminClient(kafka.admin())
    _delete_group(admin, pipeline.group)
    for name, done in (admin.delete_topics(names) if names else {}).items():
        try:
            done.result(TIMEOUT)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise TopicError(f"topic {name}: not deleted: {error.args[0].str()}") from None
    cluster, deadline = Cluster(kafka, TIMEOUT), time.monotonic() + TIMEOUT
    while (left := [n for n in names if n in cluster.topics()]) and time.monotonic() < deadline:
        time.sleep(0.1)
    if left:
        raise TopicError(f"topic {left[0]} is still there after {TIMEOUT:.0f} s")


def _delete_group(admin: AdminClient, group: str) -> None:
    try:
        admin.delete_consumer_groups([group], request_timeout=TIMEOUT)[group].result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.GROUP_ID_NOT_FOUND:
            raise
