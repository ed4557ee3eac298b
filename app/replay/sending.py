"""Hands records to a producer, and counts what Kafka answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from app.replay.records import Encoded, ReplayError

MOST_ALONE = 1_000
"""So many records of refused batches are sent again, each in a batch of its own."""

_POLL_SECONDS = 0.05
_OF_A_BATCH = {
    KafkaError._INVALID_DIFFERENT_RECORD,
    KafkaError.INVALID_RECORD,
    KafkaError.INVALID_TIMESTAMP,
}
_MAY_REFUSE = (
    " (by the topic's message.timestamp.before.max.ms or message.timestamp.after.max.ms, or for"
    " want of a key where it is compacted)"
)


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


class _Sent(NamedTuple):
    """What a failed delivery does not tell of its record."""

    where: str
    is_label: bool
    timestamp: int


class _Suspect(NamedTuple):
    """A record of a batch that Kafka refused for one of its records, whichever it was."""

    sent: _Sent
    error: KafkaError
    message: Message


class Sender:
    """The producer of one replay and its progress.

    Attributes:
        progress: Counted up.
        suspects: Records that may be sent again.
    """

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
        self.suspects: list[_Suspect] = []
        self._first = time.monotonic()

    def send(self, record: Encoded) -> None:
        """Hand one record to the producer, waiting while its queue is full."""
        sent = _Sent(record.where, record.kind == "label", record.timestamp)
        self._produce(sent, topic=record.topic, value=record.value, key=record.key)
        self.progress.sent += 1
        if self.progress.sent % 1000 == 0:
            self.wait(0)

    def _produce(self, sent: _Sent, alone: bool = False, **record: Any) -> None:
        delivered = partial(self._delivered, sent, alone)
        while True:
            try:
                self._producer.produce(**record, timestamp=sent.timestamp, on_delivery=delivered)
                break
            except BufferError:
                self.wait(_POLL_SECONDS)
            except KafkaException as error:
                raise ReplayError(f"{sent.where}: {error.args[0].str()}") from error

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
        self._drain()
        suspects, self.suspects = self.suspects, []
        for suspect in suspects[:MOST_ALONE]:
            self._send_alone(suspect)
        for suspect in suspects[MOST_ALONE:]:
            self._fail(suspect.sent, suspect.error)
        self._show(self.progress)

    def _delivered(
        self, sent: _Sent, alone: bool, error: KafkaError | None, message: Message
    ) -> None:
        if error is None:
            self.progress.delivered += 1
            self.progress.labels += sent.is_label
        elif error.code() in _OF_A_BATCH and not alone:
            self.suspects.append(_Suspect(sent, error, message))
        else:
            self._fail(sent, error)

    def _fail(self, sent: _Sent, error: KafkaError) -> None:
        if not self.progress.failed:
            hint = _MAY_REFUSE if error.code() in _OF_A_BATCH else ""
            self.progress.first_failure = f"{sent.where}: {error.str()}{hint}"
        self.progress.failed += 1

    def _send_alone(self, suspect: _Suspect) -> None:
        """Send a record in a batch of its own: if Kafka refuses that, the record is at fault."""
        message = suspect.message
        self._produce(
            suspect.sent,
            alone=True,
            topic=message.topic(),
            value=message.value(),
            key=message.key(),
            partition=message.partition(),
        )
        self._drain()

    def _drain(self) -> None:
        while len(self._producer):
            self.wait(_POLL_SECONDS)
