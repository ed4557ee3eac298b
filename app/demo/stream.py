"""The two ends of the demo's stream: events go in at a steady pace, predictions come out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from app.demo.ledger import Ledger
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from app.replay.replay import PRODUCER
from app.replay.sources import Source
from topics.codecs import Codec
from topics.records import Prediction

READER = {
    "group.id": "riverrun-demo-reader",  # never joined, nothing is committed
    "isolation.level": "read_committed",
    "enable.auto.commit": False,
    "enable.partition.eof": True,
}
_POLL_SECONDS = 0.05
_PACE_SECONDS = 0.005
"""A sleep for each single event would cost more than the event."""


class Part(threading.Thread):
    """A thread that keeps the error that ended it."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.error: Exception | None = None
        self._stopping = threading.Event()

    def run(self) -> None:
        """Work until stopped."""
        try:
            self.work()
        except Exception as error:
            self.error = error

    def work(self) -> None:
        """What the thread does."""
        raise NotImplementedError

    def stop(self, within: float = 30.0) -> None:
        """Tell it to end, and wait until it has."""
        self._stopping.set()
        if self.is_alive():
            self.join(within)


class Sender(Part):
    """Sends the events of a source over and over, each time with new ids.

    Args:
        pipeline: Names the topic, its format and the fields.
        source: Is read again from its beginning whenever it is used up.
        kafka: Reaches the cluster.
        ledger: Gives the numbers.
    """

    def __init__(
        self, pipeline: Pipeline, source: Source, kafka: KafkaSettings, ledger: Ledger
    ) -> None:
        super().__init__("the sender")
        self.passes = 0
        """How often the source was begun."""
        self._pipeline, self._source, self._ledger = pipeline, source, ledger
        self._rate = 0.0
        self._encode = Codec(pipeline.events.format).encode
        self._producer = Producer(kafka.producer({**PRODUCER, "linger.ms": 1}))

    def begin(self, rate: float) -> None:
        """Start sending so many events a second."""
        self._rate = rate
        self.start()

    def work(self) -> None:
        """Send until stopped, then wait for Kafka's answers."""
        started = time.monotonic()
        for number, fields in enumerate(self._events()):
            while (early := started + number / self._rate - time.monotonic()) > 0:
                self._producer.poll(min(max(early, _PACE_SECONDS), _POLL_SECONDS))
            if self._stopping.is_set():
                break
            self._send(fields)
        self._producer.flush(20)

    def _events(self) -> Iterator[dict[str, Any]]:
        for self.passes in count(1):
            for event in self._source.read():
                yield event.fields

    def _send(self, fields: dict[str, Any]) -> None:
        events = self._pipeline.events
        assert events.id is not None
        assert events.label is not None
        number = self._ledger.send(bool(fields[events.label]))
        fields[events.id] = key = f"{self._source.name}-{number:06}"
        value, delivered = self._encode(fields), partial(self._delivered, number)
        while True:
            try:
                self._producer.produce(events.topic, value, key.encode(), on_delivery=delivered)
                break
            except BufferError:
                self._producer.poll(_POLL_SECONDS)
        self._producer.poll(0)

    def _delivered(self, number: int, error: KafkaError | None, _: Message) -> None:
        if error is None:
            self._ledger.deliver(number)


class Reader(Part):
    """Reads predictions and dead letters, the committed ones only, as any consumer would.

    Args:
        pipeline: Names the topics, which must be there, and the format.
        kafka: Reaches the cluster.
        ledger: Is told of each.
    """

    def __init__(self, pipeline: Pipeline, kafka: KafkaSettings, ledger: Ledger) -> None:
        super().__init__("the reader")
        self.to_end = False
        """Whether to read on, once stopped, to where the topics end by then."""
        self._ledger = ledger
        codec = Codec(pipeline.predictions.format)
        self._decode: Callable[[bytes], Prediction] = codec.decoder(Prediction)
        self._topics = (pipeline.predictions.topic, pipeline.dead_letter_topic)
        self._letters = pipeline.dead_letter_topic
        self._ends: dict[tuple[str, int], int] = {}
        self._consumer = Consumer(kafka.consumer(READER))
        found = self._consumer.list_topics(timeout=30).topics
        self._places = [(name, n) for name in self._topics for n in sorted(found[name].partitions)]
        self._consumer.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in self._places])

    def work(self) -> None:
        """Read until stopped."""
        try:
            while not self._stopping.is_set():
                self._read()
            ends = {place: self._end(place) for place in self._places if self.to_end}
            while any(self._ends.get(place, -1) < end for place, end in ends.items()):
                self._read()
        finally:
            self._consumer.close()

    def _end(self, place: tuple[str, int]) -> int:
        return int(self._consumer.get_watermark_offsets(TopicPartition(*place), timeout=30)[1])

    def _read(self) -> None:
        # consume(n, t) would wait for all n: the first by itself, then what is there already.
        first = self._consumer.poll(_POLL_SECONDS)
        if first is not None:
            for message in (first, *self._consumer.consume(1000, 0)):
                self._take(message)

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is None:
            self._note(message)
        elif error.code() == KafkaError._PARTITION_EOF:
            self._ends[message.topic() or "", message.partition() or 0] = message.offset() or 0
        elif not error.retriable():
            raise KafkaException(error)

    def _note(self, message: Message) -> None:
        if message.topic() == self._letters:
            key = message.key() or b""
            assert isinstance(key, bytes)
            self._ledger.set_aside(_number(key.decode()), message.partition() or 0)
            return
        said = self._decode(message.value() or b"")
        self._ledger.predict(
            _number(str(said.id)), said.source.partition, said.model.version, said.score
        )


def _number(event_id: str) -> int:
    """The number of an event: its id ends with it."""
    return int(event_id.rpartition("-")[2])
