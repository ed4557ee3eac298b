"""Lists dead letters, and sends them back to where they came from."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from app.errors import RiverrunError
from app.kafka.reading import Reader
from app.pipeline.load import Pipeline
from topics.dead_letters import OMITTED, DeadLetterReason, original_headers, reason
from topics.records import Record

TRANSACTION_RECORDS = 1000


class Letter(NamedTuple):
    """A dead letter and the reason that its headers give."""

    record: Record
    reason: DeadLetterReason


@dataclass
class Resent:
    """What a replay of dead letters has done.

    Attributes:
        sent: Letters sent back.
        without_origin: Letters passed over, since no header says where they came from.
        without_value: Letters passed over, since their value was too large to come along.
    """

    sent: int = 0
    without_origin: int = 0
    without_value: int = 0


class ResendError(RiverrunError):
    """Dead letters that could not be sent back; those of the last transaction stay."""


def group(pipeline: Pipeline) -> str:
    """The consumer group whose offsets say which letters have been sent back."""
    return f"{pipeline.name}.dead-letters"


def letters(pipeline: Pipeline, reader: Reader, topic: str | None = None) -> Iterator[Letter]:
    """All dead letters that are still there: of a pipeline, or on another topic of such letters.

    Raises:
        ReadError: When the topic is not there, or cannot be read.
    """
    return map(_letter, reader.read(topic or pipeline.dead_letter_topic))


def resend(
    pipeline: Pipeline,
    reader: Reader,
    producer_settings: Mapping[str, Any],
    consumer_settings: Mapping[str, Any],
) -> Resent:
    """Send each letter back to the partition that it came from, once.

    The records go back in the transactions that also record how far this has come. A second
    replay at the same time ends the first one, and does not double what it did.

    Args:
        pipeline: Whose letters.
        reader: Reads offsets of `group(pipeline)`.
        producer_settings: librdkafka's, with a `transactional.id` that all replays share.
        consumer_settings: librdkafka's, with the `group.id` of `group(pipeline)`.

    Raises:
        ReadError: When the topic is not there, or cannot be read.
        ResendError: When a transaction failed: nothing of it was done, and it may be tried again.
    """
    topic, resent = pipeline.dead_letter_topic, Resent()
    consumer, producer = Consumer(dict(consumer_settings)), Producer(dict(producer_settings))
    try:
        # 1. end the open transactions of an earlier replay
        producer.init_transactions()
        # 2. only then see how far that came
        done = {n: at for n, at in reader.committed(topic).items() if at is not None}
        # 3. send the rest, a transaction for each thousand
        for chunk in _chunks(reader.read(topic, done)):
            producer.begin_transaction()
            counts = _produce(producer, chunk)
            producer.send_offsets_to_transaction(
                _after(topic, chunk), consumer.consumer_group_metadata()
            )
            producer.commit_transaction()
            resent.sent += counts.sent
            resent.without_origin += counts.without_origin
            resent.without_value += counts.without_value
    except KafkaException as error:
        raise ResendError(
            f"{topic}: {resent.sent} dead letters sent back, then: {error.args[0].str()}"
        ) from error
    finally:
        consumer.close()
    return resent


def _letter(record: Record) -> Letter:
    return Letter(record, reason(record.headers() or []))


def _chunks(records: Iterable[Record]) -> Iterator[list[Letter]]:
    waiting = map(_letter, records)
    while chunk := list(itertools.islice(waiting, TRANSACTION_RECORDS)):
        yield chunk


def _produce(producer: Producer, chunk: Iterable[Letter]) -> Resent:
    counts = Resent()
    for record, why in chunk:
        if not why.topic or why.partition < 0:
            counts.without_origin += 1
            continue
        if OMITTED in dict(record.headers() or []):
            counts.without_value += 1
            continue
        producer.produce(
            why.topic,
            record.value(),
            record.key(),
            partition=why.partition,
            headers=list(original_headers(record.headers() or [])),
        )
        producer.poll(0)
        counts.sent += 1
    return counts


def _after(topic: str, chunk: Iterable[Letter]) -> list[TopicPartition]:
    """The offsets that follow the last letter of each partition."""
    last = {letter.record.partition() or 0: letter.record.offset() or 0 for letter in chunk}
    return [TopicPartition(topic, partition, offset + 1) for partition, offset in last.items()]
