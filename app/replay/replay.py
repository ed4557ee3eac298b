"""Sends the events of a source to the events topic, and labels to that of the labels."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from app.pipeline.load import Pipeline
from app.replay.base import Source
from app.replay.records import Encoded, ReplayError, channels, limited, records

__all__ = ["PRODUCER", "Progress", "ReplayError", "replay"]

PRODUCER = {
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": "murmur2_random",  # as Java's: a key lands where its other producers put it
    "linger.ms": 5,
    "compression.type": "lz4",
}
_POLL_SECONDS = 0.05


@dataclass
class Progress:
    """How far a replay is: records handed to the producer, and what Kafka answered.

    `labels` counts those of `delivered` that are labels.
    """

    sent: int = 0
    delivered: int = 0
    labels: int = 0
    failed: int = 0
    first_failure: str = ""
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.started

    @property
    def rate(self) -> float:
        """Delivered records a second since the start."""
        return self.delivered / max(self.seconds, 1e-9)


def replay(
    pipeline: Pipeline,
    source: Source,
    settings: Mapping[str, Any],
    *,
    speed: float | None = None,
    pace: float | None = None,
    limit: int | None = None,
    key: str | None = None,
    show: Callable[[Progress], None] = lambda progress: None,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    oldest: Mapping[str, int] | None = None,
) -> Progress:
    """Send the events and labels of `source`, and wait until Kafka has acknowledged all of them.

    Args:
        pipeline: Names the topics, their formats and the fields of ids and keys.
        source: See `app.replay.sources.open_source`.
        settings: librdkafka's settings of a producer; `PRODUCER` has those of a replay.
        speed: Records a second; as fast as Kafka takes them unless given.
        pace: Seconds of event time that pass in a second, instead of `speed`.
        limit: Send that many events and no more.
        key: The field whose value is the key of the record; the pipeline's own, or else the
            source's, such as the card of a payment, or else the pipeline's id unless given.
        show: Called a few times a second with the progress.
        progress: Counted up, so that it is known whatever happens.
        stop: Set it to end early, after all records of one time, so that another replay can go on
            after that time; a signal handler that raises would do so within librdkafka's
            callbacks, which lose the exception.
        oldest: Topic to milliseconds since 1970. The topic would delete what is older at once.

    Returns:
        The final progress.

    Raises:
        SourceError: For a bad row; the events before it are delivered.
        ReplayError: For an event without its key, or when Kafka refused some.
    """
    progress, stop = progress or Progress(), stop or threading.Event()
    run = _Run(Producer(dict(settings)), progress, show)
    to = channels(pipeline, key or pipeline.events.key or source.key or pipeline.events.id, oldest)
    events = source.read()
    if limit is not None:
        events = limited(events, limit, with_labels="label" in to)
    due = _by_number(speed) if pace is None else _by_time(pace)
    last = 0
    try:
        for number, record in enumerate(records(source, events, to)):
            run.wait_until(due(number, record), stop)
            if stop.is_set() and not (record.timestamp and record.timestamp == last):
                break
            run.send(record)
            last = record.timestamp
    finally:
        run.finish()
    if progress.failed:
        raise ReplayError(
            f"Kafka did not take {progress.failed} of {progress.sent} events; "
            f"the first is {progress.first_failure}"
        )
    return progress


Due = Callable[[int, Encoded], float]
"""When a record is to be sent: seconds after the first one."""


def _by_number(speed: float | None) -> Due:
    return lambda number, record: 0.0 if speed is None else number / speed


def _by_time(pace: float) -> Due:
    first: int | None = None

    def due(number: int, record: Encoded) -> float:
        nonlocal first
        if not record.timestamp:
            raise ReplayError(f"{record.where}: has no time to keep a pace by (see --time)")
        first = record.timestamp if first is None else first
        return (record.timestamp - first) / 1000 / pace

    return due


class _Run:
    """The producer of one replay and its progress."""

    def __init__(
        self,
        producer: Producer,
        progress: Progress,
        show: Callable[[Progress], None],
    ) -> None:
        self.progress = progress
        self._producer = producer
        self._show = show
        self._next_show = 0.0
        self._first = time.monotonic()

    def send(self, record: Encoded) -> None:
        """Hand one record to the producer, waiting while its queue is full."""
        delivered = partial(self._delivered, record.where, record.kind == "label")
        while True:
            try:
                self._producer.produce(
                    record.topic,
                    record.value,
                    record.key,
                    on_delivery=delivered,
                    timestamp=record.timestamp,
                )
                break
            except BufferError:
                self.wait(_POLL_SECONDS)
            except KafkaException as error:
                raise ReplayError(f"{record.where}: {error.args[0].str()}") from error
        self.progress.sent += 1
        if self.progress.sent % 1000 == 0:
            self.wait(0)

    def wait_until(self, seconds: float, stop: threading.Event) -> None:
        """Wait until so many seconds after the first record, or until told to stop."""
        while not stop.is_set() and (left := self._first + seconds - time.monotonic()) > 0:
            self.wait(min(left, _POLL_SECONDS))

    def wait(self, seconds: float) -> None:
        """Take Kafka's answers for up to `seconds`, and show the progress now and then."""
        self._producer.poll(seconds)
        if self.progress.seconds >= self._next_show:
            self._show(self.progress)
            self._next_show = self.progress.seconds + 0.1

    def finish(self) -> None:
        """Wait for the answer to every record; each comes, at the latest as a time-out."""
        while len(self._producer):
            self.wait(_POLL_SECONDS)
        self._show(self.progress)

    def _delivered(
        self, where: str, is_label: bool, error: KafkaError | None, message: Message
    ) -> None:
        if error is None:
            self.progress.delivered += 1
            self.progress.labels += is_label
            return
        if not self.progress.failed:
            self.progress.first_failure = f"{where}: {error.str()}"
        self.progress.failed += 1
