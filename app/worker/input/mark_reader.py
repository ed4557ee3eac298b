"""Follows the marks of all partitions, for a worker whose partitions mix their models."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from app.errors import RiverrunError
from app.kafka.asking import RestoreStopped, RestoreTimeout

log = logging.getLogger("riverrun.worker")

POLL_SECONDS = 0.1
AT_ONCE = 1_000

Read = tuple[int, int, bytes]
"""Partition, offset and value of a record."""


class MarksLost(RiverrunError):
    """The marks of the partitions cannot be read any more."""


class MarkReader:
    """Reads all partitions of the marks topic, on a thread of its own.

    The topic is compacted, and small: it is read from its beginning.

    Args:
        consumer: librdkafka's settings, reading committed records and reporting ends.
        topic: Of the marks.
        partitions: How many it has.
        timeout: Seconds that ``wait`` may take.

    Attributes:
        records: What was read, in the order in which it was read.
        on_records: Called on the thread when there are more.
        failure: Why it reads no more; None while it does.
    """

    def __init__(
        self, consumer: Mapping[str, Any], topic: str, partitions: int, timeout: float = 60.0
    ) -> None:
        self._settings = dict(consumer)
        self._topic = topic
        self._partitions = partitions
        self._timeout = timeout
        self._turn = 0
        self._ended: set[int] = set()
        self._reached = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="marks", daemon=True)
        self.records: deque[Read] = deque()
        self.on_records: Callable[[], None] = lambda: None
        self.failure: Exception | None = None

    def read_again(self) -> None:
        """Read all that is there by now, from the beginning; blocks.

        Raises:
            RestoreStopped: after ``stop``.
            RestoreTimeout: when Kafka does not answer in time.
            MarksLost: when it cannot be read.
        """
        self._reached.clear()
        self._turn += 1
        if not self._thread.is_alive() and not self._stopped.is_set():
            self._thread.start()
        deadline = monotonic() + self._timeout
        while not self._reached.wait(POLL_SECONDS):
            if self.failure is not None:
                raise self.failure
            if self._stopped.is_set():
                raise RestoreStopped("stopped")
            if monotonic() > deadline:
                raise RestoreTimeout(f"{self._topic}: no end within {self._timeout:g} s")

    def stop(self) -> None:
        """End soon, and let nobody wait."""
        self._stopped.set()

    # The thread.

    def _run(self) -> None:
        consumer, turn = Consumer(self._settings), 0
        try:
            while not self._stopped.is_set():
                if turn != self._turn:
                    turn = self._begin(consumer)
                first = consumer.poll(POLL_SECONDS)
                for message in [] if first is None else [first, *consumer.consume(AT_ONCE, 0)]:
                    self._apply(message)
                if first is not None:
                    self.on_records()
                if turn == self._turn and len(self._ended) == self._partitions:
                    self._reached.set()
        except Exception as error:
            self.failure = error
            self.on_records()
        finally:
            consumer.close()

    def _begin(self, consumer: Consumer) -> int:
        turn = self._turn
        self._ended.clear()
        consumer.assign([
            TopicPartition(self._topic, n, OFFSET_BEGINNING) for n in range(self._partitions)
        ])  # fmt: skip
        return turn

    def _apply(self, message: Any) -> None:
        error = message.error()
        if error is None:
            self.records.append((message.partition(), message.offset(), message.value() or b""))
        elif error.code() == KafkaError._PARTITION_EOF:
            self._ended.add(message.partition())
        elif error.code() == KafkaError._AUTO_OFFSET_RESET or error.fatal():
            raise MarksLost(f"{self._topic}[{message.partition()}]: {error.str()}")
        else:
            log.warning("%s: %s", self._topic, error.str())
