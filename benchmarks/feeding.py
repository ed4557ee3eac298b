"""A steady feed of events, and a reader of the predictions."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Sequence

from confluent_kafka import OFFSET_END, Consumer, Producer, TopicPartition

RATE = 200


class Feed(threading.Thread):
    """Produces ``RATE`` events a second until told to stop."""

    def __init__(self, bootstrap: str, topic: str, features: Sequence[str]) -> None:
        super().__init__(daemon=True)
        self._features = features
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0})
        self._topic = topic
        self.stop = threading.Event()

    def run(self) -> None:
        """Produce."""
        i = 0
        while not self.stop.wait(1 / RATE):
            x = dict.fromkeys(self._features, i * 37 % 101 / 50.0 - 1.0)
            value = json.dumps({"id": i, "label": i % 3 == 0, **x}).encode()
            self._producer.produce(self._topic, value, b"%d" % i)
            self._producer.poll(0)
            i += 1
        self._producer.flush()


class Reader:
    """Reads new predictions of a topic, read_committed."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"bench-{uuid.uuid4().hex}",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
            }
        )
        self._consumer.assign([TopicPartition(topic, 0, OFFSET_END)])

    def drain(self) -> None:
        """Pass over what is there."""
        while self._consumer.consume(10_000, 0.05):
            pass

    def wait(self, seconds: float) -> float:
        """Seconds until the next prediction."""
        started = time.monotonic()
        if self._consumer.poll(seconds) is None:
            raise TimeoutError(f"no prediction within {seconds} s")
        return time.monotonic() - started

    def longest_gap(self, seconds: float, after: float) -> float:
        """The longest time without a prediction, from now until none longer than that comes.

        Args:
            seconds: To wait for a prediction.
            after: How long predictions must have gone on; a longer gap begins anew.
        """
        last = began = time.monotonic()
        longest = 0.0
        while time.monotonic() - began < max(after, longest):
            self.wait(seconds)
            now = time.monotonic()
            if now - last > longest:
                longest, began = now - last, now
            last = now
        return longest
