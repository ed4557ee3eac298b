"""Follows the versions of a shared model, for a worker that scores and does not learn."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from agents.shared.versions import Versions
from agents.store import MemoryStore
from app.errors import RiverrunError
from app.kafka.asking import ANSWER_SECONDS
from app.worker.input.topic_thread import TopicThread
from app.worker.state.checks import checked
from app.worker.state.flaws import StateDamaged
from app.worker.state.layout import MODEL
from app.worker.state.reader import StateReader

_TAIL = 200
"""Records at the end of the topic: the newest version is most often among them."""


class VersionsLost(RiverrunError):
    """The versions of the model cannot be read any more."""


class VersionReader(TopicThread):
    """Takes the newest committed version as soon as it can be read.

    The topic is the learner's state: records of the model, and its position, in each of the
    learner's transactions. A version is taken when all that is there was read; those before it
    are passed over. It reads on a thread of its own.

    1. ``follow`` begins at the last records of the topic; where no whole version is among them,
       it begins again at the first one. 2. Until the end was reached, ``wait`` waits.
    3. ``pause``: this worker learns, and its scorers have its versions at hand.

    Args:
        consumer: librdkafka's settings, reading committed records and reporting ends.
        topic: The versions topic.
        versions: Where to put them.
        timeout: Seconds that ``wait`` may take.
        learner: Whose versions: the partition of the topic.
    """

    def __init__(
        self,
        consumer: Mapping[str, Any],
        topic: str,
        versions: Versions,
        timeout: float = 60.0,
        *,
        learner: int = 0,
    ) -> None:
        super().__init__(consumer, topic, "versions", VersionsLost, timeout)
        self._versions = versions
        self._learner = learner
        self._records: dict[bytes | None, tuple[bytes | None, int]] = {}
        self._following = threading.Event()

    def follow(self) -> None:
        """Read from now on; nothing where it does so already."""
        if not self._following.is_set():
            self._reached.clear()
            self._turn += 1
            self._following.set()
        self._start()

    def pause(self) -> None:
        """Read no more."""
        self._following.clear()

    def stop(self) -> None:
        """End soon, and let nobody wait."""
        super().stop()
        self._following.set()

    # The thread.

    def _read(self, consumer: Consumer) -> None:
        self._following.wait()
        self._follow(consumer)

    def _follow(self, consumer: Consumer) -> None:
        turn, whole = self._turn, self._begin(consumer, whole=False)
        # Another turn begins anew: what was reached before is told only once.
        while self._following.is_set() and turn == self._turn and not self._stopped.is_set():
            messages = self._polled(consumer)
            # At its end, and only there, no transaction is read by half.
            if not any([self._apply(message) for message in messages][-1:]):
                continue
            if not self._take(whole) and not whole:
                whole = self._begin(consumer, whole=True)
                continue
            self._reached.set()
        consumer.unassign()

    def _begin(self, consumer: Consumer, *, whole: bool) -> bool:
        """Read the end of the topic, or the whole; returns whether it is the whole."""
        self._records = {}
        try:
            at = TopicPartition(self._topic, self._learner)
            start, end = consumer.get_watermark_offsets(at, timeout=ANSWER_SECONDS)
        except KafkaException as error:
            raise VersionsLost(f"{self._topic}[{self._learner}]: {error.args[0].str()}") from error
        tail = start if whole else max(start, end - _TAIL)
        consumer.assign([TopicPartition(self._topic, self._learner, tail)])
        return tail == start

    def _apply(self, message: Any) -> bool:
        """Keep a record, as compaction would. True: the end was reached."""
        error = message.error()
        if error is None:
            self._records.pop(message.key(), None)
            self._records[message.key()] = message.value(), message.offset()
            return False
        return self._is_end(error, self._learner)

    def _take(self, whole: bool) -> bool:
        """Take the version that is there; False where a part of it lies before what was read."""
        reader = StateReader(MemoryStore(), f"{self._topic}[{self._learner}]")
        for key, (value, offset) in self._records.items():
            reader.apply(key, value, offset)
        found = checked(reader)
        snapshot = reader.store.get(MODEL)
        if not whole and (found.flaws or snapshot is None):
            return False
        if found.flaws:
            raise StateDamaged(reader.place, found.flaws)
        model = found.position.model if found.position is not None else None
        if snapshot is None or model is None or self._has(model.learned):
            self._versions.hear(self._learner)
        else:
            self._versions.take(snapshot, self._learner)
        return True

    def _has(self, learned: int) -> bool:
        """Whether this version was taken already: the learner has only been heard of again."""
        versions, n = self._versions, self._learner
        return versions.taken[n] > 0 and versions.learned[n] == learned
