"""Sends the input of a case, and remembers where every record came to lie."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from tests.chaos.cases import Case, ToSend

TICK = 0.05
"""Seconds between two bursts."""


class Traffic(threading.Thread):
    """Sends records at a steady rate until it is told to stop; each once, broker or not.

    Args:
        case: Whose input it is.
        rate: Records a second.
        config: Settings of the producer, above its own.
    """

    def __init__(
        self, case: Case, rate: float, config: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        super().__init__(daemon=True)
        self._records: Iterator[ToSend] = case.records()
        self._rate = rate
        self._producer = Producer(
            {
                "bootstrap.servers": case.stream.bootstrap,
                "enable.idempotence": True,
                "linger.ms": 5,
                "message.timeout.ms": 600_000,
                "message.max.bytes": 20_000_000,
                "log_level": 0,
                **config,
            }
        )
        self._told_to_stop = threading.Event()
        self.sent: list[Message] = []
        """What lies on Kafka, by the broker's own word."""
        self.failure: str | None = None

    def run(self) -> None:
        began, count = time.monotonic(), 0
        while not self._told_to_stop.wait(TICK):
            due = int((time.monotonic() - began) * self._rate)
            self.send(due - count)
            count = due

    def send(self, count: int) -> None:
        """Send so many records now."""
        for record in islice(self._records, max(0, count)):
            self._produce(record)
        self._producer.poll(0)

    def stop(self) -> list[Message]:
        """Return all that was sent, once it lies on Kafka."""
        self.end()
        left = self._producer.flush(300)
        assert left == 0, f"{left} records were not delivered"
        assert self.failure is None, self.failure
        return self.sent

    def end(self) -> None:
        """Send no more."""
        self._told_to_stop.set()
        if self.ident is not None:
            self.join()

    def _produce(self, record: ToSend) -> None:
        topic, partition, at, key, value = record
        while True:
            try:
                self._producer.produce(
                    topic, value, key, partition, timestamp=at, on_delivery=self._delivered
                )
                return
            except BufferError:
                self._producer.poll(0.1)

    def _delivered(self, error: KafkaError | None, record: Message) -> None:
        if error is None:
            self.sent.append(record)
        else:
            self.failure = error.str()
