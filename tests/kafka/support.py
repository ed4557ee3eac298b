"""What tests with a broker need again and again: topics, records in, records out."""

import time
import uuid
from collections.abc import Iterable
from pathlib import Path

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic

from app.pipeline.load import Pipeline, load_pipeline

PIPELINES = Path(__file__).parents[2] / "pipelines"

Pair = tuple[bytes | None, bytes | None]


def phishing(name: str, **topics: str) -> Pipeline:
    """The phishing pipeline, with a name and events of its own; ``topics`` by their tables."""
    overrides = {"name": name, "events.topic": f"{name}.events"}
    more = {f"{table}.topic": topic for table, topic in topics.items()}
    return load_pipeline(PIPELINES / "phishing.toml", overrides | more, {})


def create_topic(bootstrap: str, name: str, partitions: int = 1, **config: str) -> None:
    """Create a topic; `config` with `_` for the dots: `cleanup_policy="compact"`."""
    settings = {key.replace("_", "."): value for key, value in config.items()}
    topic = NewTopic(name, partitions, 1, config=settings)
    admin = AdminClient({"bootstrap.servers": bootstrap})  # lives until the result is there
    admin.create_topics([topic])[name].result(30)


def produce(bootstrap: str, topic: str, records: Iterable[Pair], partition: int = -1) -> None:
    """Write (key, value) records; by the hash of the key where no partition is named."""
    producer = Producer(
        {"bootstrap.servers": bootstrap, "linger.ms": 5, "message.max.bytes": 20_000_000}
    )
    for key, value in records:
        while True:
            try:
                producer.produce(topic, value, key, partition)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    left = producer.flush(30)
    assert left == 0, f"{left} records of {topic} were not delivered"


def read_committed(
    bootstrap: str, topic: str, count: int | None = None, within: float = 30.0
) -> list[Message]:
    """Read a topic from its beginning, as read_committed.

    Args:
        bootstrap: The address of the cluster.
        topic: All of its partitions are read.
        count: Return when so many are read. None: when all partitions are at their ends.
        within: Seconds; what is there by then is returned.

    Returns:
        The records, in order of offset within a partition.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"reader-{uuid.uuid4().hex}",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    try:
        found = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        places = [TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in found]
        consumer.assign(places)
        return _read(consumer, set(found), count, time.monotonic() + within)
    finally:
        consumer.close()


def _read(
    consumer: Consumer, partitions: set[int], count: int | None, deadline: float
) -> list[Message]:
    records: list[Message] = []
    ended: set[int] = set()
    while time.monotonic() < deadline:
        if len(records) == count or (count is None and ended == partitions):
            break
        wanted = 1000 if count is None else min(1000, count - len(records))
        for message in consumer.consume(wanted, timeout=0.2):
            error = message.error()
            if error is None:
                records.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition() or 0)
            else:
                raise AssertionError(f"{message.topic()}: {error}")
    return records
