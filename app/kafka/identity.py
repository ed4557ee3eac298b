"""Which topics there are: a name alone does not tell, for a topic can be deleted and made again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient


class Identity(NamedTuple):
    """A topic that is there.

    Attributes:
        id: As Kafka made it with the topic (KIP-516), in hexadecimal digits; None where brokers
            are too old to have one.
        partitions: How many it has.
    """

    id: str | None
    partitions: int


def identities(
    admin: AdminClient, topics: Iterable[str], timeout: float
) -> dict[str, Identity | None]:
    """The topics by name, asked for by one request; None for one that is not there.

    The admin client then also knows the leaders that there are now. No topic is created by it.

    Raises:
        KafkaException: when Kafka does not answer within ``timeout`` seconds, or refuses.
    """
    wanted = sorted(set(topics))
    answers = admin.describe_topics(TopicCollection(wanted), request_timeout=timeout)
    return {name: _identity(answers[name]) for name in wanted}


def _identity(answer: Any) -> Identity | None:
    try:
        topic = answer.result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return None
        raise
    high, low = (
        topic.topic_id.get_most_significant_bits(),
        topic.topic_id.get_least_significant_bits(),
    )
    number = (high % _TWO_64) << 64 | low % _TWO_64
    return Identity(f"{number:032x}" if number else None, len(topic.partitions))


_TWO_64 = 1 << 64
