"""Writes rows to a store, and sets aside what the store refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from confluent_kafka import KafkaException, Producer

from app.sinks.columns import Row
from app.sinks.store import Refused, SinkError, Span, Store
from topics.dead_letters import Stage, dead_letter
from topics.records import Record

DELIVERY_SECONDS = 60.0

SetAside = Callable[[int, int, Refused], None]
"""Takes the partition and the offset of a row that was refused, and why."""


def write(store: Store, spans: Sequence[Span], set_aside: SetAside) -> None:
    """Write all spans; rows that the store refuses are found by halving.

    A row is set aside before the position moves beyond it: a crash between the two sets it aside
    again, and never loses it.

    Raises:
        Moved, StoreAway: As `Store.write`.
    """
    try:
        store.write(spans)
        return
    except Refused as error:
        rows = [(span.partition, row) for span in spans for row in span.rows]
        if not rows:
            raise SinkError(f"the store takes no position: {error}") from error
        if len(rows) == 1:
            ((partition, row),) = rows
            set_aside(partition, offset_of(row), error)
            write(store, [replace(span, rows=()) for span in spans], set_aside)
            return
    for half in _halves(spans):
        write(store, half, set_aside)


def offset_of(row: Row) -> int:
    """The offset of the record that a row was made of."""
    assert isinstance(row[1], int)
    return row[1]


def _halves(spans: Sequence[Span]) -> Iterator[Sequence[Span]]:
    if len(spans) > 1:
        middle = len(spans) // 2
        yield from (spans[:middle], spans[middle:])
        return
    (span,) = spans
    middle = len(span.rows) // 2
    at = offset_of(span.rows[middle])
    yield [replace(span, end=at, rows=span.rows[:middle])]
    yield [replace(span, begin=at, rows=span.rows[middle:])]


class Letters:
    """Writes the records that a sink sets aside to their topic.

    Args:
        producer: librdkafka's settings.
        topic: Where to.

    Attributes:
        by_stage: How many there were.
    """

    def __init__(self, producer: Mapping[str, Any], topic: str) -> None:
        self.by_stage: dict[str, int] = {}
        self._topic = topic
        self._producer = Producer(dict(producer))
        self._failed: list[str] = []

    def add(self, record: Record, stage: Stage, error: BaseException) -> None:
        """Send the letter of a record; `flush` knows whether it has come."""
        letter = dead_letter(self._topic, record, stage, error)
        self._producer.produce(
            letter.topic,
            letter.value,
            letter.key,
            headers=list(letter.headers or []),
            timestamp=letter.timestamp or 0,
            on_delivery=self._delivered,
        )
        self.by_stage[stage] = self.by_stage.get(stage, 0) + 1

    def flush(self) -> None:
        """Wait until all letters are on Kafka.

        Raises:
            SinkError: They are not.
        """
        left = self._producer.flush(DELIVERY_SECONDS)
        if left or self._failed:
            why = self._failed[0] if self._failed else f"{left} not delivered in time"
            raise SinkError(f"{self._topic}: a record cannot be set aside: {why}")

    def _delivered(self, error: Any, _: Any) -> None:
        if error is not None:
            self._failed.append(str(KafkaException(error).args[0].str()))
