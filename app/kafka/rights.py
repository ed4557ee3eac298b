"""What a worker may do on a cluster, asked for before it does anything.

A transaction fails as a whole if one right is missing, and its error rarely names the topic.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AclOperation, AdminClient

from app.errors import RightMissing
from app.kafka.settings import KafkaSettings
from app.pipeline.model import Pipeline
from app.pipeline.topics import Role, pipeline_topics

log = logging.getLogger("riverrun.worker")

READ, WRITE, DELETE = AclOperation.READ, AclOperation.WRITE, AclOperation.DELETE
CONFIGS = AclOperation.DESCRIBE_CONFIGS
_WISHED = {
    CONFIGS: "its settings are not checked",
    DELETE: "what was read is deleted by its retention only",
}
_REFUSED = {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED}
_OF_ROLE: dict[Role, frozenset[AclOperation]] = {
    "events": frozenset({READ}),
    "labels": frozenset({READ}),
    # Outputs are read at a restore: is one there that no committed offset covers?
    "predictions": frozenset({READ, WRITE}),
    "alerts": frozenset({READ, WRITE}),
    "metrics": frozenset({WRITE}),
    "history": frozenset({WRITE}),
    "dead letters": frozenset({WRITE}),
    "state": frozenset({READ, WRITE}),
    "inner": frozenset({READ, WRITE, DELETE}),
    "rows": frozenset({READ, WRITE}),
    "shares": frozenset({READ, WRITE, DELETE}),
    "versions": frozenset({READ, WRITE}),
    "marks": frozenset({READ, WRITE}),
    "scored": frozenset({READ, WRITE, DELETE}),
}
_TIMEOUT = 15.0

Rights = dict[str, frozenset[AclOperation]]
"""Operations by the name of their topic or group; Read and Write include Describe."""


def topic_rights(pipeline: Pipeline) -> Rights:
    """What a worker does with each topic of its pipeline."""
    return {
        topic.name: _OF_ROLE[topic.role] | {CONFIGS}
        for topic in pipeline_topics(pipeline)
        if topic.role in _OF_ROLE
    }


def group_rights(pipeline: Pipeline) -> Rights:
    """What a worker does with its group."""
    return {pipeline.group: frozenset({READ})}


def require_rights(pipeline: Pipeline, kafka: KafkaSettings) -> None:
    """Ask what this user may do; what a worker can do without is a warning.

    Brokers that do not tell (before Kafka 2.3), or not within some seconds, are taken at their
    word later.

    Raises:
        RightMissing: With every right that is missing on a topic or on the group.
    """
    topics, group = topic_rights(pipeline), group_rights(pipeline)
    admin = AdminClient(kafka.admin())
    asked: dict[str, Any] = {"include_authorized_operations": True, "request_timeout": _TIMEOUT}
    of_topics = admin.describe_topics(TopicCollection(list(topics)), **asked)
    of_groups = admin.describe_consumer_groups(list(group), **asked)
    missing = [
        *_missing("topic", topics, of_topics),
        *_missing("group", group, of_groups),
    ]
    if missing:
        raise RightMissing(needed(missing))


def require_group(admin: AdminClient, group: str) -> None:
    """Raise `RightMissing` where this user may not see the offsets of a group."""
    answers = admin.describe_consumer_groups([group], request_timeout=_TIMEOUT)
    try:
        answers[group].result(_TIMEOUT + 5)
    except KafkaException as error:
        if error.args[0].code() in _REFUSED:
            raise RightMissing(needed([f"Describe group {group}"])) from None


def needed(missing: Iterable[str]) -> str:
    """In one line: which rights an administrator is to grant."""
    return (
        f"this user has no right to {', '.join(missing)}: let an administrator grant it"
        " (docs/security.md lists what a worker and a reader need)"
    )


def _missing(kind: str, wanted: Rights, answers: Mapping[str, Any]) -> Iterator[str]:
    for name, operations in wanted.items():
        granted = _granted(answers[name])
        if granted is None:
            continue
        for operation in sorted(operations - granted, key=lambda one: one.value):
            what = f"{spelt(operation)} {kind} {name}"
            if operation in _WISHED:
                log.warning("this user has no right to %s: %s", what, _WISHED[operation])
            else:
                yield what


def _granted(answer: Any) -> frozenset[AclOperation] | None:
    """What Kafka says that this user may do; None where it says nothing."""
    try:
        found = answer.result(_TIMEOUT + 5).authorized_operations
    except KafkaException as error:
        return frozenset() if error.args[0].code() in _REFUSED else None
    return None if found is None else frozenset(found)


def spelt(operation: AclOperation) -> str:
    """As Kafka's tools write it: `DescribeConfigs`."""
    return "".join(word.capitalize() for word in operation.name.split("_"))
