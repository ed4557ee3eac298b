"""From produce to a read_committed reader, at a steady rate."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from benchmarks.contenders import riverrun_file, running, worker_command
from benchmarks.topics import Events, create, outputs

RATE = 1_000
WARM_UP = 3.0


class Sender(threading.Thread):
    """Produces events at ``RATE`` a second, and notes when.

    Args:
        bootstrap: Of the broker.
        events: Their topic and features.
        seconds: How long.
    """

    def __init__(self, bootstrap: str, events: Events, seconds: float) -> None:
        super().__init__(daemon=True)
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0})
        self._events = events
        self.count = int(seconds * RATE)
        self.sent: list[float] = [0.0] * self.count
        """The moment (``time.perf_counter``) at which each event was handed to the producer."""

    def run(self) -> None:
        """Send all of them."""
        started = time.perf_counter()
        for i in range(self.count):
            ahead = started + i / RATE - time.perf_counter()
            if ahead > 0:
                time.sleep(ahead)
            x = dict.fromkeys(self._events.features, i * 37 % 101 / 50.0 - 1.0)
            value = json.dumps({"id": i, "label": i % 3 == 0, **x}).encode()
            self.sent[i] = time.perf_counter()
            self._producer.produce(self._events.topic, value, b"%d" % i)
            self._producer.poll(0)
        self._producer.flush()


def received(bootstrap: str, topic: str, count: int) -> dict[int, float]:
    """The moment at which each prediction, by the id of its event, was read."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"bench-{uuid.uuid4().hex}",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
        }
    )
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    came: dict[int, float] = {}
    while len(came) < count:
        message = consumer.poll(30.0)
        if message is None:
            raise TimeoutError(f"{len(came)} of {count} predictions came")
        now = time.perf_counter()
        came[json.loads(message.value() or b"")["id"]] = now
    consumer.close()
    return came


def percentile(values: list[float], share: float) -> float:
    """The value below which ``share`` of the sorted values lie."""
    return values[min(len(values) - 1, int(share * len(values)))]


def measure(bootstrap: str, seconds: float, interval: str) -> dict[str, Any]:
    """Latencies of a worker with ``interval`` between commits at most."""
    names = tuple(f"feature_{i}" for i in range(10))
    events = Events(create(bootstrap, "latency"), "json", names, 0)
    predictions = outputs(bootstrap, "latency-predictions")
    file = riverrun_file(events, predictions)
    with running(worker_command(file, bootstrap, f"worker.commit_interval={interval}")):
        time.sleep(4.0)
        sender = Sender(bootstrap, events, seconds)
        sender.start()
        came = received(bootstrap, predictions, sender.count)
    first = int(WARM_UP * RATE)
    waits = sorted(1000.0 * (came[i] - sender.sent[i]) for i in range(first, sender.count))
    return {
        "benchmark": "latency",
        "events_a_second": RATE,
        "commit_interval": interval,
        "p50_ms": round(percentile(waits, 0.5), 1),
        "p99_ms": round(percentile(waits, 0.99), 1),
        "max_ms": round(waits[-1], 1),
    }


def run(bootstrap: str, *, quick: bool = False) -> Iterator[dict[str, Any]]:
    """One row: the default commit interval."""
    for _ in range(1 if quick else 3):
        yield measure(bootstrap, 6.0 if quick else 23.0, "100ms")
