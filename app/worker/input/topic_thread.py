"""Reads a topic beside the worker: to its end, and whatever comes later."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from time import monotonic
from typing import Any

from confluent_kafka import Consumer, KafkaError

from app.errors import RiverrunError
from app.kafka.asking import RestoreStopped, RestoreTimeout

log = logging.getLogger("riverrun.worker")

POLL_SECONDS = 0.1
AT_ONCE = 1_000


class TopicThread:
    """A consumer on a thread of its own, and whoever waits until it was at the end.

    Args:
        consumer: librdkafka's settings, reading committed records and reporting ends.
        topic: To be read.
        name: Of the thread.
        lost: Raised when the topic cannot be read any more.
        timeout: Seconds that ``wait`` may take.

    Attributes:
        failure: Why it reads no more; None while it does.
    """

    def __init__(
        self,
        consumer: Mapping[str, Any],
        topic: str,
        name: str,
        lost: type[RiverrunError],
        timeout: float,
    ) -> None:
        self._settings = dict(consumer)
        self._topic = topic
        self._lost = lost
        self._timeout = timeout
        self._turn = 0
        self._reached = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.failure: Exception | None = None

    def wait(self) -> None:
        """Until all was read that was there at the beginning; blocks.

        Raises:
            RestoreStopped: after ``stop``.
            RestoreTimeout: when Kafka does not answer in time.
            RiverrunError, LearnerError: when what was read cannot be used, or nothing can be read.
        """
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

    def _start(self) -> None:
        """Start the thread, unless it runs or is to end."""
        if not self._thread.is_alive() and not self._stopped.is_set():
            self._thread.start()

    # The thread.

    def _run(self) -> None:
        consumer = Consumer(self._settings)
        try:
            while not self._stopped.is_set():
                self._read(consumer)
        except Exception as error:
            self.failure = error
            self._failed()
        finally:
            consumer.close()

    def _read(self, consumer: Consumer) -> None:
        """Read for a while; called again and again."""
        raise NotImplementedError

    def _failed(self) -> None:
        """Tell that there is a failure."""

    @staticmethod
    def _polled(consumer: Consumer) -> list[Any]:
        """The messages that are there, or come within a moment; often none."""
        first = consumer.poll(POLL_SECONDS)
        return [] if first is None else [first, *consumer.consume(AT_ONCE, 0)]

    def _is_end(self, error: Any, partition: int) -> bool:
        """Whether an error of a message says that the end was reached; others are logged."""
        if error.code() == KafkaError._PARTITION_EOF:
            return True
        if error.code() == KafkaError._AUTO_OFFSET_RESET or error.fatal():
            raise self._lost(f"{self._topic}[{partition}]: {error.str()}")
        log.warning("%s: %s", self._topic, error.str())
        return False
