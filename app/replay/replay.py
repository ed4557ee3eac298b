"""Sends the events of a source to the events topic."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from app.errors import RiverrunError
from app.pipeline.load import Pipeline
from app.replay.sources import Source
from topics.codecs import Codec

PRODUCER = {
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": "murmur2_random",  # as Java's: a key lands where its other producers put it
    "linger.ms": 5,
    "compression.type": "lz4",
}
_POLL_SECONDS = 0.05


class ReplayError(RiverrunError):
    """An event that cannot be sent, or that Kafka did not take."""


@dataclass
class Progress:
    """How far a replay is: events handed to the producer, and what Kafka answered."""

    sent: int = 0
    delivered: int = 0
    failed: int = 0
    first_failure: str = ""
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.started

    @property
    def rate(self) -> float:
        """Delivered events a second since the start."""
        return self.delivered / max(self.seconds, 1e-9)


def replay(
    pipeline: Pipeline,
    source: Source,
    settings: Mapping[str, Any],
    *,
    speed: float | None = None,
    limit: int | None = None,
    key: str | None = None,
    show: Callable[[Progress], None] = lambda progress: None,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    oldest: int = 0,
) -> Progress:
    """Send the events of `source`, and wait until Kafka has acknowledged all of them.

    Args:
        pipeline: Names the topic, its format and the id field.
        source: See `app.replay.sources.open_source`.
        settings: librdkafka's settings of a producer; `PRODUCER` has those of a replay.
        speed: Events a second; as fast as Kafka takes them unless given.
        limit: Send that many events and no more.
        key: The field whose value is the key of the record; the source's own, such as the card
            of a payment, or else the pipeline's id unless given.
        show: Called a few times a second with the progress.
        progress: Counted up, so that it is known whatever happens.
        stop: Set it to end early; a signal handler that raises would do so within librdkafka's
            callbacks, which lose the exception.
        oldest: Milliseconds since 1970. The topic would delete what is older at once.

    Returns:
        The final progress.

    Raises:
        SourceError: For a bad row; the events before it are delivered.
        ReplayError: For an event without its key, or when Kafka refused some.
    """
    progress, stop = progress or Progress(), stop or threading.Event()
    run = _Run(Producer(dict(settings)), pipeline.events.topic, progress, show)
    key = key or source.key or pipeline.events.id
    records = islice(_records(source, pipeline, key, oldest), limit)
    try:
        for number, record in enumerate(records):
            if speed is not None:
                run.wait_until(number / speed, stop)
            if stop.is_set():
                break
            run.send(record)
    finally:
        run.finish()
    if progress.failed:
        raise ReplayError(
            f"Kafka did not take {progress.failed} of {progress.sent} events; "
            f"the first is {source.name}:{progress.first_failure}"
        )
    return progress


class Encoded(NamedTuple):
    """A record as it is sent, and the line that it comes from.

    Its timestamp is in milliseconds since 1970; 0 is the time of sending.
    """

    line: int
    key: bytes | None
    value: bytes
    timestamp: int


def _records(
    source: Source, pipeline: Pipeline, key_field: str | None, oldest: int
) -> Iterator[Encoded]:
    encode = Codec(pipeline.events.format).encode
    for event in source.read():
        fields = event.fields
        if event.timestamp is not None and event.timestamp < oldest:
            raise ReplayError(
                f"{source.name}:{event.line}: an event of {_date(event.timestamp)} is older than "
                f"{pipeline.events.topic} keeps (retention.ms): Kafka would delete it at once. "
                'Set topics.retention = "forever" before the topic is created, or alter the topic'
            )
        try:
            yield Encoded(event.line, _key(fields, key_field), encode(fields), event.timestamp or 0)
        except (ValueError, TypeError, OverflowError, msgspec.MsgspecError) as error:
            raise ReplayError(f"{source.name}:{event.line}: {error}") from None


def _date(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp / 1000, UTC).date().isoformat()


def _key(fields: Mapping[str, Any], name: str | None) -> bytes | None:
    if name is None:
        return None
    value = fields.get(name)
    if value is None:
        raise ValueError(f'has no field "{name}" for the key of the record')
    return str(value).encode()


class _Run:
    """The producer of one replay and its progress."""

    def __init__(
        self,
        producer: Producer,
        topic: str,
        progress: Progress,
        show: Callable[[Progress], None],
    ) -> None:
        self.progress = progress
        self._producer = producer
        self._topic = topic
        self._show = show
        self._next_show = 0.0
        self._first = time.monotonic()

    def send(self, record: Encoded) -> None:
        """Hand one record to the producer, waiting while its queue is full."""
        line, key, value, when = record
        delivered = partial(self._delivered, line)
        while True:
            try:
                self._producer.produce(
                    self._topic, value, key, on_delivery=delivered, timestamp=when
                )
                break
            except BufferError:
                self.wait(_POLL_SECONDS)
            except KafkaException as error:
                raise ReplayError(f"line {line}: {error.args[0].str()}") from error
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

    def _delivered(self, line: int, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self.progress.delivered += 1
            return
        if not self.progress.failed:
            self.progress.first_failure = f"{line}: {error.str()}"
        self.progress.failed += 1
