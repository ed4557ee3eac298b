"""Ends a worker in which something does not come back."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

from topics.records import Batch

log = logging.getLogger("riverrun.worker")

TICK_SECONDS = 0.5
"""How often the watchdog looks."""


@dataclass(slots=True)
class _Span:
    """Something that is under way."""

    limit: float
    what: Callable[[], str]
    age: float = 0.0
    paused: bool = False


class Watchdog:
    """Knows what is under way, and ends the process where it takes too long.

    It goes by the monotonic clock, on a thread of its own: a wall clock that jumps leaves
    librdkafka's waits standing, and a learner that hangs holds up the event loop. What counts is
    the time in which this process ran: one that was frozen for an hour has done nothing wrong.

    Args:
        end: Called with what to say; does not return.
        clock: Seconds.
    """

    def __init__(
        self, end: Callable[[str], None] | None = None, clock: Callable[[], float] = monotonic
    ) -> None:
        self._end = end or _end
        self._clock = clock
        self._last = clock()
        self._spans: dict[str, _Span] = {}

    def start(self) -> None:
        """Look from now on, as long as the process lives."""
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    @contextmanager
    def watch(self, name: str, seconds: float, what: Callable[[], str] = str) -> Iterator[None]:
        """Allow the block so many seconds.

        Args:
            name: Of what is under way; one at a time.
            seconds: How long it may take.
            what: On what, for the log.
        """
        self._spans[name] = _Span(seconds, what)
        try:
            yield
        finally:
            self._spans.pop(name, None)

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """Do not count the block as a part of what is under way, if it is."""
        span = self._spans.get(name)
        if span is None:
            yield
            return
        span.paused = True
        try:
            yield
        finally:
            span.paused = False

    def check(self) -> None:
        """End the process where something has taken too long."""
        now = self._clock()
        # Longer than that it was not the work that took the time: the process stood still.
        step = min(now - self._last, 2 * TICK_SECONDS)
        self._last = now
        for name, span in list(self._spans.items()):
            span.age += 0.0 if span.paused else step
            if span.age > span.limit:
                what = f"{name} {span.what()}".rstrip()
                self._end(f"{what}: has not ended after {span.limit:g} s, the worker leaves")

    def _run(self) -> None:
        tick = threading.Event()
        while True:
            tick.wait(TICK_SECONDS)
            self.check()


def records_of(batch: Batch) -> str:
    """The records of a batch: ``topic[partition]@first..last`` for each topic in it."""
    found: dict[str, list[int]] = {}
    for record in batch.records:
        found.setdefault(record.topic() or batch.topic, []).append(record.offset() or 0)
    parts = (f"{t}[{batch.partition}]@{min(at)}..{max(at)}" for t, at in found.items())
    return ", ".join(parts)


def _end(said: str) -> None:
    """Leave without a goodbye: what was not committed, Kafka rolls back."""
    log.error("%s", said)
    os._exit(1)
