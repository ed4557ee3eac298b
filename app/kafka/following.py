"""Reads partitions as they grow, or to their ends: the one loop over a consumer's answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from app.errors import RightMissing, RiverrunError
from app.kafka.rights import needed

Place = tuple[str, int]
"""A topic and a partition."""

OnError = Callable[[Place, KafkaError], None]

AT_ONCE = 10_000
_POLL_SECONDS = 0.1


class ReadError(RiverrunError):
    """A topic that is not there, or that cannot be read to its end."""


class StandsStill(ReadError):
    """Partitions that were not read to their ends: nothing came for a while.

    Attributes:
        places: Which ones.
    """

    def __init__(self, places: Iterable[Place]) -> None:
        self.places = sorted(places)
        named = ", ".join(f"{topic}[{number}]" for topic, number in self.places)
        super().__init__(f"{named}: nothing more comes, and its end is not reached")


def raise_error(place: Place, error: KafkaError) -> None:
    """Raise what librdkafka does not try again by itself."""
    if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        raise RightMissing(needed([f"Read topic {place[0]}"]))
    if not error.retriable():
        raise KafkaException(error)


def places_of(consumer: Consumer, topics: Iterable[str], seconds: float = 30.0) -> list[Place]:
    """Every partition of topics that were created, in order.

    A broker may hear of a new topic some time after the one that created it: until then it is
    asked again.

    Raises:
        ReadError: A topic is not there after all this time.
    """
    wanted, deadline = sorted(topics), time.monotonic() + seconds
    while True:
        found = consumer.list_topics(timeout=seconds).topics
        missing = [name for name in wanted if name not in found or not found[name].partitions]
        if not missing:
            return [(name, n) for name in wanted for n in sorted(found[name].partitions)]
        if time.monotonic() > deadline:
            raise ReadError(f"{', '.join(missing)}: no such topic after {seconds:.0f} s")
        time.sleep(_POLL_SECONDS)


class Following:
    """The records of some partitions as they come, and how far each was read.

    Args:
        consumer: Reports the ends of partitions (`enable.partition.eof`).
        places: What it is assigned; the consumer keeps it until it gets another assignment.
        on_error: Is called with each error but the end of a partition.

    Attributes:
        ended: The partitions whose end was reached at least once.
    """

    def __init__(
        self,
        consumer: Consumer,
        places: Iterable[TopicPartition],
        on_error: OnError = raise_error,
    ) -> None:
        self.ended: set[Place] = set()
        self._consumer = consumer
        self._on_error = on_error
        self._passed: dict[Place, int] = {}
        consumer.assign(list(places))

    def records(self, seconds: float) -> Iterator[Message]:
        """Wait for a record at most this long; then what has come already, too."""
        # consume(n, t) waits for all n: the first by itself, then the others.
        first = self._consumer.poll(seconds)
        if first is None:
            return
        for message in (first, *self._consumer.consume(AT_ONCE, 0)):
            place, offset = _place(message), message.offset() or 0
            error = message.error()
            if error is None:
                self._passed[place] = offset + 1
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                self._passed[place] = offset
                self.ended.add(place)
            else:
                self._on_error(place, error)

    def behind(self, ends: Mapping[Place, int]) -> set[Place]:
        """The partitions that were not read up to these offsets yet."""
        return {place for place, end in ends.items() if self._passed.get(place, -1) < end}


def _nothing() -> None:
    pass


def read_to_ends(
    consumer: Consumer,
    begin: Mapping[Place, int],
    ends: Mapping[Place, int],
    *,
    patience: float,
    on_error: OnError = raise_error,
    check: Callable[[], None] = _nothing,
) -> Generator[Message, None, None]:
    """The records of partitions from where to begin up to their ends.

    Args:
        consumer: As for `Following`; it has no assignment afterwards.
        begin: Offsets, by partition; OFFSET_BEGINNING is one, too.
        ends: The offset after the last record that is wanted. A marker of a transaction may be
            the last thing before it, so the end of a partition counts too.
        patience: Seconds without a record, after which the rest is given up.
        on_error: Is called with each error but the end of a partition.
        check: Is called again and again; it raises when it is time to stop.

    Raises:
        StandsStill: No record came for so long, and an end was not reached.
        RightMissing: This user may not read a topic (by the default of `on_error`).
    """
    wanted = {place: end for place, end in ends.items() if end > max(begin[place], 0)}
    places = [TopicPartition(*place, begin[place]) for place in sorted(wanted)]
    following = Following(consumer, places, on_error)
    last = time.monotonic()
    try:
        while following.behind(wanted):
            check()
            came = False
            for message in following.records(_POLL_SECONDS):
                if (message.offset() or 0) < wanted[_place(message)]:
                    came = True
                    yield message
            if came:
                last = time.monotonic()
            elif time.monotonic() - last > patience and (still := following.behind(wanted)):
                raise StandsStill(still)
    finally:
        consumer.unassign()


def _place(message: Message) -> Place:
    return message.topic() or "", message.partition() or 0
