"""The loop of a sink: read, write, and begin anew at the store's positions after each trouble."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from confluent_kafka import KafkaException

from app.sinks.columns import Row, Rows
from app.sinks.input import Input
from app.sinks.report import Report
from app.sinks.store import Moved, Refused, Span, Store, StoreAway
from app.sinks.writing import Letters, write
from app.worker.watchdog import Watchdog
from topics.codecs import UNDECODABLE
from topics.records import Record

log = logging.getLogger("riverrun.sink")

FIRST_PAUSE = 0.5
POLL_SECONDS = 0.2


@dataclass(slots=True)
class _Read:
    """What was read of one partition since its last write."""

    begin: int
    end: int
    rows: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class Pace:
    """When a batch is written, and how long to wait for a store.

    Attributes:
        batch: Rows.
        interval: Seconds since the first of them.
        retry: The longest pause between two tries, in seconds.
        writing: How long one write may take, in seconds.
    """

    batch: int
    interval: float
    retry: float
    writing: float


class Sink:
    """Writes the records of a topic to a store, each once.

    What was read and not written yet is never kept over a trouble. Whatever happens, the sink
    asks the store for its positions and reads on from there.

    Args:
        source: The records.
        store: Where to.
        rows: Makes rows of records.
        letters: Takes what cannot be written.
        pace: See there.
        report: Is told what is done.
        clock: Seconds.
    """

    def __init__(
        self,
        source: Input,
        store: Store,
        rows: Rows,
        letters: Letters,
        pace: Pace,
        report: Report,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._input = source
        self._store = store
        self._rows = rows
        self._letters = letters
        self._pace = pace
        self._report = report
        self._clock = clock
        self._watchdog = Watchdog()
        self._read: dict[int, _Read] = {}
        self._records: dict[tuple[int, int], Record] = {}
        self._since = 0.0
        self._pause = 0.0
        self._next_try = 0.0
        self._connected = False

    def run(self, stopping: Callable[[], bool]) -> None:
        """Run until it is told to stop; then what was read is written, if the store answers.

        Raises:
            SinkError: It cannot go on; a supervisor starts it again.
        """
        self._watchdog.start()
        try:
            while not stopping():
                self.step()
            if self._input.placed and self._read:
                with suppress(StoreAway, Moved):
                    self._write()
        finally:
            self._store.close()
            self._input.close()

    def step(self) -> None:
        """One round: find the positions if need be, read, and write what is due."""
        try:
            if not self._input.placed:
                self._begin()
            self._take()
            if self._is_due():
                self._write()
        except StoreAway as error:
            self._wait(str(error))
        except Moved as error:
            log.warning("%s; the sink reads on from the store's positions", error)
            self._forget()
        except KafkaException as error:
            if error.args[0].fatal():
                raise
            log.warning("Kafka: %s", error.args[0].str())
            self._next_try = self._clock() + FIRST_PAUSE
            self._forget()
        self._report.seen(self._input.partitions, self._input.ends())

    def _begin(self) -> None:
        """1. Connect to the store. 2. Ask for the positions. 3. Read from there."""
        self._read.clear()
        self._records.clear()
        if self._clock() < self._next_try:
            return
        if not self._connected:
            with self._watchdog.watch("connecting to the store", self._pace.writing):
                self._store.prepare(self._rows.columns)
            self._connected = True
            self._report.back()
        if self._input.partitions:
            positions = self._store.positions(self._input.partitions)
            self._input.place({n: positions.get(n, 0) for n in self._input.partitions})
            self._read = {n: _Read(positions.get(n, 0), 0) for n in self._input.partitions}
            self._report.placed(positions)
        if self._input.joined:
            self._report.ready()
        self._pause = 0.0

    def _take(self) -> None:
        left = self._pace.batch - len(self._records)
        seconds = min(POLL_SECONDS, self._pace.interval)
        for message in self._input.poll(seconds, max(1, left)):
            read = self._read[message.partition() or 0]
            read.end = (message.offset() or 0) + 1
            if not self._records:
                self._since = self._clock()
            self._records[message.partition() or 0, message.offset() or 0] = message
            try:
                read.rows.append(self._rows.row(message))
            except UNDECODABLE as error:
                self._letters.add(message, "decode", error)
        if not self._input.placed:  # a rebalance in between: others may go on with these
            self._read.clear()
            self._records.clear()

    def _is_due(self) -> bool:
        if not self._records:
            return False
        full = len(self._records) >= self._pace.batch
        return full or self._clock() - self._since >= self._pace.interval

    def _write(self) -> None:
        spans = [
            Span(number, read.begin, read.end, read.rows)
            for number, read in sorted(self._read.items())
            if read.end > read.begin
        ]
        self._letters.flush()
        began = self._clock()
        with self._watchdog.watch("writing to the store", self._pace.writing):
            write(self._store, spans, self._set_aside)
        rows = sum(len(span.rows) for span in spans)
        self._report.written({s.partition: s.end for s in spans}, rows, self._clock() - began)
        self._input.commit({span.partition: span.end for span in spans})
        for span in spans:
            self._read[span.partition] = _Read(span.end, 0)
        self._records.clear()

    def _set_aside(self, partition: int, offset: int, error: Refused) -> None:
        where = f"{self._input.topic}[{partition}]@{offset}"
        log.warning("%s: the store refuses it: %s", where, error)
        self._letters.add(self._records[partition, offset], "store", error)
        self._letters.flush()

    def _wait(self, why: str) -> None:
        """Read nothing until the store is asked again; the pauses become longer."""
        self._pause = min(self._pace.retry, max(FIRST_PAUSE, 2 * self._pause))
        self._next_try = self._clock() + self._pause
        self._report.away(why)
        log.warning("the store is away, the next try is in %.1f s: %s", self._pause, why)
        self._store.close()
        self._connected = False
        self._forget()

    def _forget(self) -> None:
        self._input.halt()
        self._read.clear()
        self._records.clear()
