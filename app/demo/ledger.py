"""What was sent and what came back: the account that the promise of the demo is held to."""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

MANY = 255
"""The answers of one event are counted up to so many."""


class Totals(NamedTuple):
    """The account over the whole run.

    Attributes:
        sent: Events that Kafka has acknowledged.
        labels: As `sent`, labels.
        predictions: Read, with those beyond the first of an event.
        dead_letters: As `predictions`.
        missing: Events without a prediction and without a dead letter.
        doubled: Predictions and dead letters beyond the first of an event.
    """

    sent: int
    labels: int
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


class Latencies(NamedTuple):
    """From produce to read in seconds, in the order in which first answers were read.

    Attributes:
        seconds: Of the events sent since `Ledger.begin_live`.
        disturbed: 1 for each that was read between a kill and its `caught_up`.
    """

    seconds: array[float]
    disturbed: bytes


class Ledger:
    """Events by their number, from 0. One thread sends, one reads, others ask.

    Args:
        clock: Gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.kill: Kill | None = None
        self.labels = 0
        self.predictions = 0
        self.dead_letters = 0
        self.answered = 0
        """Events with an answer: a prediction or a dead letter."""
        self._lock = threading.Lock()
        self._sent_at = array("d")
        self._labelled = bytearray()
        self._times_answered = bytearray()
        self._first_open = 0
        self._live_from: int | None = None
        self._partitions: set[int] = set()
        self._latencies = array("d")
        self._disturbed = bytearray()

    @property
    def sent(self) -> int:
        """Events handed to Kafka."""
        return len(self._sent_at)

    def send(self, number: int) -> None:
        """Note that an event was sent just now; they are sent in the order of their numbers."""
        with self._lock:
            self._reach(number)
            if not self._times_answered[number]:
                self._sent_at[number] = self.clock()

    def label(self, number: int) -> None:
        """Note that the label of an event was sent."""
        self._labelled[number] = 1
        self.labels += 1

    def is_labelled(self, number: int) -> bool:
        """Whether the label of an event was sent."""
        return number < len(self._labelled) and bool(self._labelled[number])

    def begin_live(self) -> None:
        """From the next event on latencies count: those before were sent as fast as can be."""
        self._live_from = self.sent

    def predict(self, number: int, partition: int) -> bool:
        """Note that a prediction was read; gives whether it is the first answer of its event.

        Args:
            number: Of its event.
            partition: Of its event.
        """
        with self._lock:
            self.predictions += 1
            return self._is_first(number, partition)

    def set_aside(self, number: int, partition: int) -> None:
        """Note that a dead letter was read."""
        with self._lock:
            self.dead_letters += 1
            self._is_first(number, partition)

    def begin_kill(self, at: float) -> None:
        """Note that a worker was killed `at`, and is gone now."""
        with self._lock:
            self.kill = Kill(at, self.clock(), set(self._partitions))

    def oldest(self) -> float:
        """How long the event that waits longest has been waiting, in seconds; 0 if none waits."""
        with self._lock:
            first = self._find_open()
            return self.clock() - self._sent_at[first] if first < len(self._sent_at) else 0.0

    def latencies(self, last: int | None = None) -> Latencies:
        """All latencies, or the `last` of them: a copy."""
        with self._lock:
            since = slice(-last if last else None, None)
            return Latencies(self._latencies[since], bytes(self._disturbed[since]))

    def totals(self) -> Totals:
        """The account so far."""
        with self._lock:
            times = np.frombuffer(bytes(self._times_answered), np.uint8)
        return Totals(
            sent=len(times),
            labels=self.labels,
            predictions=self.predictions,
            dead_letters=self.dead_letters,
            missing=int(np.sum(times == 0)),
            doubled=int(times[times > 1].sum()) - int(np.sum(times > 1)),
        )

    def _reach(self, number: int) -> None:
        """Have a place for the event; its answer may be read before its sending is noted."""
        while len(self._sent_at) <= number:
            self._labelled.append(0)
            self._times_answered.append(0)
            self._sent_at.append(self.clock())

    def _is_first(self, number: int, partition: int) -> bool:
        self._reach(number)
        times = self._times_answered[number]
        self._times_answered[number] = min(times + 1, MANY)
        if times:
            return False
        now, sent_at = self.clock(), self._sent_at[number]
        self.answered += 1
        self._partitions.add(partition)
        if self._live_from is not None and number >= self._live_from:
            self._latencies.append(now - sent_at)
            self._disturbed.append(self.kill is not None and self.kill.caught_up is None)
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
