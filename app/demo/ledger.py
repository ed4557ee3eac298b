"""What was sent and what came back: the account that the promise of the demo is held to."""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

WARM_UP = 2.0
"""Seconds from the first event on, in which clients, caches and compilers get going."""
MANY = 255
"""The answers of one event are counted up to so many."""


class Totals(NamedTuple):
    """The account over the whole run, in events.

    Attributes:
        sent: Handed to Kafka.
        delivered: Acknowledged by Kafka.
        predictions: Read, with those beyond the first of an event.
        dead_letters: As `predictions`.
        missing: Acknowledged by Kafka, but neither a prediction nor a dead letter was read.
        doubled: Predictions and dead letters beyond the first of an event.
    """

    sent: int
    delivered: int
    predictions: int
    dead_letters: int
    missing: int
    doubled: int


@dataclass
class Kill:
    """A worker that was killed, and what followed; times in seconds of the ledger's clock.

    Attributes:
        at: When it was killed.
        dead: When it was gone for sure: what was sent later it cannot have answered.
        waiting: Partitions that have not answered an event sent after `dead` yet.
        back: When the last of them had.
        target: Events sent until `back`.
        caught_up: When all of those were answered.
    """

    at: float
    dead: float
    waiting: set[int]
    back: float | None = None
    target: int = 0
    caught_up: float | None = None


class Answers(NamedTuple):
    """First answers in the order in which they were read.

    Attributes:
        truths: The labels of the scored ones.
        scores: Of the same events.
        latencies: Of all, from produce to read, in seconds.
        disturbed: 1 for each latency read while it warmed up, or between a kill and its
            `caught_up`.
    """

    truths: list[bool]
    scores: array[float]
    latencies: array[float]
    disturbed: bytes


class Ledger:
    """Events by their number, from 0. One thread sends, one reads, others ask.

    Args:
        clock: Gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.kill: Kill | None = None
        self.predictions = 0
        self.dead_letters = 0
        self.answered = 0
        """Events with an answer: a prediction or a dead letter."""
        self._lock = threading.Lock()
        self._sent_at = array("d")
        self._labels = bytearray()
        self._delivered = bytearray()
        self._times_answered = bytearray()
        self._first_open = 0
        self._learned: dict[int, int] = {}
        self._truths = bytearray()
        self._scores = array("d")
        self._latencies = array("d")
        self._disturbed = bytearray()

    @property
    def sent(self) -> int:
        """Events handed to Kafka."""
        return len(self._sent_at)

    @property
    def learned(self) -> int:
        """Events that the models had learned by their latest predictions."""
        return sum(self._learned.values())

    def send(self, label: bool) -> int:
        """Note that an event is sent now; gives its number."""
        with self._lock:
            self._labels.append(label)
            self._delivered.append(0)
            self._times_answered.append(0)
            self._sent_at.append(self.clock())
            return len(self._sent_at) - 1

    def deliver(self, number: int) -> None:
        """Note that Kafka has acknowledged an event."""
        self._delivered[number] = 1

    def predict(self, number: int, partition: int, version: int, score: float | None) -> None:
        """Note that a prediction was read.

        Args:
            number: Of its event.
            partition: Of its event.
            version: Events that its model had learned before it.
            score: See `topics.records.Prediction`.
        """
        with self._lock:
            self.predictions += 1
            self._learned[partition] = max(version + 1, self._learned.get(partition, 0))
            if self._is_first(number, partition) and score is not None:
                self._truths.append(self._labels[number])
                self._scores.append(score)

    def set_aside(self, number: int, partition: int) -> None:
        """Note that a dead letter was read."""
        with self._lock:
            self.dead_letters += 1
            self._is_first(number, partition)

    def begin_kill(self, at: float) -> None:
        """Note that a worker was killed `at`, and is gone now."""
        with self._lock:
            self.kill = Kill(at, self.clock(), set(self._learned))

    def oldest(self) -> float:
        """How long the event that waits longest has been waiting, in seconds; 0 if none waits."""
        with self._lock:
            first = self._find_open()
            return self.clock() - self._sent_at[first] if first < len(self._sent_at) else 0.0

    def answers(self, last: int | None = None) -> Answers:
        """The first answers, or the `last` of them: a copy."""
        with self._lock:
            since = slice(-last if last else None, None)
            return Answers(
                list(map(bool, self._truths[since])),
                self._scores[since],
                self._latencies[since],
                bytes(self._disturbed[since]),
            )

    def totals(self) -> Totals:
        """The account so far."""
        with self._lock:
            delivered = np.frombuffer(bytes(self._delivered), np.uint8)
            times = np.frombuffer(bytes(self._times_answered), np.uint8)
        return Totals(
            sent=len(times),
            delivered=int(delivered.sum()),
            predictions=self.predictions,
            dead_letters=self.dead_letters,
            missing=int(np.sum((delivered == 1) & (times == 0))),
            doubled=int(times[times > 1].sum()) - int(np.sum(times > 1)),
        )

    def _is_first(self, number: int, partition: int) -> bool:
        times = self._times_answered[number]
        self._times_answered[number] = min(times + 1, MANY)
        if times:
            return False
        now, sent_at = self.clock(), self._sent_at[number]
        self.answered += 1
        self._latencies.append(now - sent_at)
        crashed = self.kill is not None and self.kill.caught_up is None
        self._disturbed.append(crashed or now - self._sent_at[0] < WARM_UP)
        if self.kill is not None:
            self._follow(self.kill, partition, sent_at, now)
        return True

    def _follow(self, kill: Kill, partition: int, sent_at: float, now: float) -> None:
        if kill.back is None:
            if sent_at >= kill.dead:
                kill.waiting.discard(partition)
            if not kill.waiting:
                kill.back, kill.target = now, len(self._sent_at)
        elif kill.caught_up is None and self._find_open() >= kill.target:
            kill.caught_up = now

    def _find_open(self) -> int:
        """The number of the first event without an answer."""
        found = self._times_answered.find(0, self._first_open)
        self._first_open = len(self._times_answered) if found < 0 else found
        return self._first_open
