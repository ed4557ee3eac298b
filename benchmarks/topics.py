"""Topics full of events, and how fast somebody wrote a topic."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

ENCODERS = {"json": msgspec.json.encode, "msgpack": msgspec.msgpack.encode}


@dataclass(frozen=True)
class Events:
    """A topic with events of two classes.

    Attributes:
        topic: Its name.
        format: ``json`` or ``msgpack``.
        features: The names of the numbers in each event.
        count: How many events.
    """

    topic: str
    format: str
    features: tuple[str, ...]
    count: int


def create(bootstrap: str, name: str, **config: str) -> str:
    """Create a topic of one partition with a fresh name; gives the name."""
    topic = f"{name}-{uuid.uuid4().hex[:8]}"
    settings = {key.replace("_", "."): value for key, value in config.items()}
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})
    admin.create_topics([NewTopic(topic, 1, 1, config=settings)])[topic].result(30)
    return topic


def outputs(bootstrap: str, name: str) -> str:
    """A topic whose records carry the time at which the broker took them."""
    return create(bootstrap, name, message_timestamp_type="LogAppendTime")


def fill(bootstrap: str, features: int, count: int, format: str = "json") -> Events:
    """A topic with ``count`` events of ``features`` numbers, an id and a label."""
    names = tuple(f"feature_{i}" for i in range(features))
    topic = create(bootstrap, f"events-{features}-{format}")
    encode, draw = ENCODERS[format], random.Random(1)

    def values() -> Iterator[bytes]:
        for i in range(count):
            x = {name: round(draw.gauss(0.0, 1.0), 6) for name in names}
            label = x["feature_0"] - x["feature_1"] + draw.gauss(0.0, 0.3) > 0
            yield encode({"id": i, "label": label, **x})

    send(bootstrap, topic, values())
    return Events(topic, format, names, count)


def send(bootstrap: str, topic: str, values: Iterable[bytes]) -> None:
    """Write records, keyed by their numbers."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20})
    for i, value in enumerate(values):
        produce(producer, topic, value, b"%d" % i)
    producer.flush()


def produce(producer: Producer, topic: str, value: bytes | None, key: bytes) -> None:
    """Write a record to the one partition, as soon as there is room for it."""
    while True:
        try:
            producer.produce(topic, value, key, 0)
            return
        except BufferError:
            producer.poll(0.05)


def wait_for_commit(bootstrap: str, group: str, events: Events, seconds: float) -> None:
    """Wait until a consumer group has committed all of ``events``.

    Raises:
        TimeoutError: when it does not within ``seconds``.
    """
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    deadline = time.monotonic() + seconds
    try:
        while consumer.committed([TopicPartition(events.topic, 0)])[0].offset < events.count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{group} did not commit {events.count} events in {seconds} s")
            time.sleep(0.2)
    finally:
        consumer.close()


def read(bootstrap: str, topic: str, count: int, seconds: float) -> list[int]:
    """The timestamps (ms) of the first ``count`` committed records, as they stand.

    Raises:
        TimeoutError: when they do not come within ``seconds``.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"bench-{uuid.uuid4().hex}",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
        }
    )
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    deadline = time.monotonic() + seconds
    times: list[int] = []
    try:
        while len(times) < count:
            for message in consumer.consume(10_000, 0.2):
                error = message.error()
                if error is None:
                    times.append(message.timestamp()[1])
                elif error.code() != KafkaError._PARTITION_EOF:
                    raise RuntimeError(error.str())
            if time.monotonic() > deadline:
                raise TimeoutError(f"{topic}: {len(times)} of {count} records in {seconds} s")
    finally:
        consumer.close()
    return times[:count]


def rate(times: list[int]) -> float:
    """Records a second, without the first tenth, in which everything warms up."""
    start = len(times) // 10
    return (len(times) - start) / max(1e-3, (times[-1] - times[start]) / 1000.0)
