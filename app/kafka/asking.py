"""Asks Kafka for offsets and topics, again and again until there is an answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TypeVar

from confluent_kafka import Consumer, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from app.errors import RiverrunError
from app.kafka.identity import Identity, identities
from app.kafka.offsets import current_offsets

T = TypeVar("T")

ANSWER_SECONDS = 2.0
"""How long one question to Kafka waits, before it is asked again."""


class RestoreStopped(RiverrunError):
    """The worker is to stop, and waits for no state."""


class RestoreTimeout(RiverrunError):
    """Kafka did not give the state in time."""


def _nothing() -> None:
    pass


def ask_again(ask: Callable[[], T], seconds: float, check: Callable[[], None] = _nothing) -> T:
    """Ask until there is an answer: a broker that restarts refuses for a while.

    Args:
        ask: Asks once.
        seconds: After so long a failure is the answer.
        check: Is called before each time; it raises when it is time to stop.

    Raises:
        KafkaException: What the last time raised.
    """
    deadline = time.monotonic() + seconds
    while True:
        check()
        try:
            return ask()
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


class Asking:
    """Questions of a restore; each blocks until Kafka answers, see `ask_again`.

    Args:
        consumer: Has the group's id and reads committed records.
        admin: Asks for topics and ends.
        timeout: Seconds after which a question is given up.
    """

    def __init__(self, consumer: Consumer, admin: AdminClient, timeout: float) -> None:
        self._consumer = consumer
        self._admin = admin
        self._timeout = timeout
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End the question that is asked, and all that come; called by any thread."""
        self._stopped.set()

    def check(self) -> None:
        """Raises RestoreStopped after ``stop``."""
        if self._stopped.is_set():
            raise RestoreStopped("stopped while the state was restored")

    def committed(
        self, topics: Sequence[str], partitions: Collection[int]
    ) -> dict[int, dict[str, int | None]]:
        """The stable committed offsets, by partition and topic; None where there is none."""
        asked = [TopicPartition(topic, p) for topic in topics for p in partitions]

        def ask() -> dict[int, dict[str, int | None]]:
            found: dict[int, dict[str, int | None]] = {p: {} for p in partitions}
            for tp in self._consumer.committed(asked, timeout=ANSWER_SECONDS):
                if tp.error is not None:
                    raise KafkaException(tp.error)
                found[tp.partition][tp.topic] = tp.offset if tp.offset >= 0 else None
            return found

        return self.answer(ask, f"the committed offsets of {' and '.join(topics)}")

    def ends(
        self,
        topic: str,
        partitions: Collection[int],
        isolation: IsolationLevel,
    ) -> dict[int, int]:
        """The end of each partition."""
        return self._offsets(topic, partitions, OffsetSpec.latest(), isolation, "end")

    def starts(self, topic: str, partitions: Collection[int]) -> dict[int, int]:
        """The offset of the first record of each partition that is still there."""
        isolation = IsolationLevel.READ_UNCOMMITTED
        return self._offsets(topic, partitions, OffsetSpec.earliest(), isolation, "start")

    def _offsets(
        self,
        topic: str,
        partitions: Collection[int],
        spec: OffsetSpec,
        isolation: IsolationLevel,
        what: str,
    ) -> dict[int, int]:
        if not partitions:
            return {}
        ask = partial(
            current_offsets, self._admin, topic, partitions, spec, isolation, ANSWER_SECONDS
        )
        return self.answer(ask, f"the {what} of {topic}")

    def topics(self, names: Collection[str]) -> dict[str, Identity | None]:
        """The topics as they are now; None for one that is not there."""

        def ask() -> dict[str, Identity | None]:
            return identities(self._admin, names, ANSWER_SECONDS)

        return self.answer(ask, f"the description of {' and '.join(names)}")

    def find_leaders(self, topic: str) -> None:
        """Have the consumer know who leads a topic, before it is to read it.

        Left to itself it may take up to a second to find out.
        """
        self.answer(
            lambda: self._consumer.list_topics(topic, ANSWER_SECONDS), f"what leads {topic}"
        )

    def answer(self, ask: Callable[[], T], what: str) -> T:
        """Ask until there is an answer.

        Raises:
            RestoreTimeout: when there is none in time.
            RestoreStopped: after ``stop``.
        """
        try:
            return ask_again(ask, self._timeout, self.check)
        except KafkaException as error:
            raise RestoreTimeout(f"{what} did not come: {error.args[0].str()}") from error
