"""A sink's member of its consumer group: the positions of its partitions lie in the store."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from app.kafka.following import raise_error
from app.sinks.store import SinkError

log = logging.getLogger("riverrun.sink")

_SECONDS = 10.0


class Input:
    """The committed records of a topic, from the positions that it is set to.

    After a rebalance, and after `halt`, nothing is read until `place` sets the positions.

    Args:
        settings: librdkafka's, see `app.kafka.clients.sink_consumer`.
        topic: What is read.

    Attributes:
        partitions: Those of this member.
        placed: Whether it reads.
    """

    def __init__(self, settings: Mapping[str, Any], topic: str) -> None:
        self.topic = topic
        self.partitions: list[int] = []
        self.placed = False
        self.joined = False
        self._consumer = Consumer(dict(settings))
        self._consumer.subscribe(
            [topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )

    def poll(self, seconds: float, most: int) -> list[Message]:
        """Wait for a record at most this long; then up to `most` that have come already.

        Members come and go in here. While nothing is read this only keeps the place in the group.
        """
        first = self._consumer.poll(seconds)
        if first is None:
            return []
        found = [first, *(self._consumer.consume(most - 1, 0) if most > 1 else ())]
        return [message for message in found if self._is_record(message)]

    def place(self, positions: Mapping[int, int]) -> None:
        """Read on from these positions.

        Raises:
            SinkError: The topic ends before a position.
            KafkaException: No broker answers.
        """
        self._consumer.assign([self._start(number, at) for number, at in positions.items()])
        self.placed = True

    def halt(self) -> None:
        """Read nothing, but stay in the group."""
        self._consumer.assign([])
        self.placed = False

    def commit(self, positions: Mapping[int, int]) -> None:
        """Tell Kafka the positions, for whoever looks at the lag of the group.

        The sink itself goes by those in the store.
        """
        places = [TopicPartition(self.topic, number, at) for number, at in positions.items()]
        try:
            self._consumer.commit(offsets=places, asynchronous=True)
        except KafkaException as error:
            log.debug("positions not told to Kafka: %s", error.args[0].str())

    def ends(self) -> dict[int, int]:
        """The ends of the partitions as they were last seen; without those never seen."""
        found = {}
        for number in self.partitions if self.placed else ():
            place = TopicPartition(self.topic, number)
            _, end = self._consumer.get_watermark_offsets(place, cached=True)
            if end >= 0:
                found[number] = end
        return found

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _start(self, number: int, position: int) -> TopicPartition:
        where = f"{self.topic}[{number}]"
        place = TopicPartition(self.topic, number)
        first, end = self._consumer.get_watermark_offsets(place, timeout=_SECONDS)
        if position > end:
            raise SinkError(
                f"{where}: the store is at offset {position}, but the topic ends at {end}: it was"
                " deleted since then; name another table, or delete the positions in the store"
            )
        if 0 < position < first:
            log.error(
                "%s: the records from %d to %d have expired before they were written; give the"
                " topic a longer retention",
                *(where, position, first - 1),
            )
        return TopicPartition(self.topic, number, max(position, first))

    def _assigned(self, consumer: Consumer, places: Sequence[TopicPartition]) -> None:
        self.partitions = sorted(place.partition for place in places)
        self.joined, self.placed = True, False
        consumer.assign([])
        log.info("%s: partitions %s", self.topic, self.partitions or "none: others have them all")

    def _revoked(self, consumer: Consumer, _: Sequence[TopicPartition]) -> None:
        self.partitions, self.placed, self.joined = [], False, False
        consumer.unassign()

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return self.placed and message.partition() in self.partitions
        where = message.topic() or self.topic, message.partition() or 0
        if error.code() == KafkaError._MAX_POLL_EXCEEDED:
            log.warning("%s: %s", self.topic, error.str())
        elif error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise SinkError(f"{where[0]}[{where[1]}]: its next records have expired: {error.str()}")
        else:
            raise_error(where, error)
        return False
