"""A reader of committed records that runs all the time, as whoever uses the predictions does."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from app.kafka.following import places_of
from tests.kafka.support import read_committed

At = tuple[str, int, int]
"""Topic, partition and offset."""


class Watcher(threading.Thread):
    """Reads topics from their beginning until it is told to stop.

    Args:
        bootstrap: Of the broker.
        topics: What to read.
        timed: The topic whose longest silence is measured.
    """

    def __init__(self, bootstrap: str, topics: Sequence[str], timed: str) -> None:
        super().__init__(daemon=True)
        self._servers = bootstrap
        self._topics = topics
        self._timed = timed
        self._told_to_stop = threading.Event()
        self._last: dict[int, float] = {}
        self.seen: dict[At, tuple[Any, Any]] = {}
        """Key and value of every record, by its coordinates."""
        self.problems: list[str] = []
        self.longest_gap = 0.0
        """Seconds between two predictions of one partition."""
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"watcher-{uuid.uuid4().hex}",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                # Where a record was told and is gone, this is an error and not a new beginning.
                "auto.offset.reset": "error",
                "fetch.wait.max.ms": 50,
                "log_level": 0,
            }
        )
        places = places_of(self._consumer, topics)
        self._consumer.assign([TopicPartition(*place, 0) for place in places])

    def run(self) -> None:
        while not self._told_to_stop.is_set():
            for message in self._consumer.consume(1_000, 0.1):
                error = message.error()
                if error is None:
                    self._see(message)
                elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                    self.problems.append(f"what was read is gone: {error.str()}")
        self._consumer.close()

    def _see(self, message: Any) -> None:
        at = message.topic(), message.partition(), message.offset()
        if at in self.seen:
            self.problems.append(f"{at} was seen twice")
        self.seen[at] = message.key(), message.value()
        if at[0] == self._timed:
            now = time.monotonic()
            last = self._last.get(at[1], now)
            self.longest_gap = max(self.longest_gap, now - last)
            self._last[at[1]] = now

    def has(self, count: int) -> bool:
        """Whether so many records were seen."""
        return len(self.seen) >= count

    def stop(self) -> dict[At, tuple[Any, Any]]:
        """End; what a fresh reader finds, which must be what was seen.

        Raises:
            AssertionError: when it is not: something was aborted, or came twice.
        """
        there = {
            (record.topic() or "", record.partition() or 0, record.offset() or 0): (
                record.key(),
                record.value(),
            )
            for topic in self._topics
            for record in read_committed(self._servers, topic, within=120)
        }
        deadline = time.monotonic() + 60
        while self.is_alive() and len(self.seen) < len(there) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.close()
        assert not self.problems, self.problems[:5]
        vanished = [at for at in self.seen if at not in there]
        assert not vanished, f"{len(vanished)} were seen and are gone, the first {vanished[0]}"
        missed = [at for at in there if at not in self.seen]
        assert not missed, f"{len(missed)} were never seen, the first {missed[0]}"
        changed = [at for at, said in there.items() if self.seen[at] != said]
        assert not changed, f"{len(changed)} were seen otherwise, the first {changed[0]}"
        return there

    def close(self) -> None:
        """End."""
        self._told_to_stop.set()
        self.join(30)
