"""Follows the marks of all partitions, for a worker whose partitions mix their models."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from app.errors import RiverrunError
from app.worker.input.topic_thread import TopicThread

Read = tuple[int, int, bytes]
"""Partition, offset and value of a record."""


class MarksLost(RiverrunError):
    """The marks of the partitions cannot be read any more."""


class MarkReader(TopicThread):
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
    """

    def __init__(
        self, consumer: Mapping[str, Any], topic: str, partitions: int, timeout: float = 60.0
    ) -> None:
        super().__init__(consumer, topic, "marks", MarksLost, timeout)
        self._partitions = partitions
        self._begun = 0
        self._ended: set[int] = set()
        self.records: deque[Read] = deque()
        self.on_records: Callable[[], None] = lambda: None

    def read_again(self) -> None:
        """Read all that is there by now, from the beginning; blocks. Raises as ``wait``."""
        self._reached.clear()
        self._turn += 1
        self._start()
        self.wait()

    # The thread.

    def _read(self, consumer: Consumer) -> None:
        if self._begun != self._turn:
            self._begin(consumer)
        messages = self._polled(consumer)
        for message in messages:
            self._apply(message)
        if messages:
            self.on_records()
        if self._begun == self._turn and len(self._ended) == self._partitions:
            self._reached.set()

    def _failed(self) -> None:
        self.on_records()

    def _begin(self, consumer: Consumer) -> None:
        self._begun = self._turn
        self._ended.clear()
        consumer.assign([
            TopicPartition(self._topic, n, OFFSET_BEGINNING) for n in range(self._partitions)
        ])  # fmt: skip

    def _apply(self, message: Any) -> None:
        error = message.error()
        if error is None:
            self.records.append((message.partition(), message.offset(), message.value() or b""))
        elif self._is_end(error, message.partition()):
            self._ended.add(message.partition())
