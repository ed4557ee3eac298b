"""The two ends of the demo's stream: payments and labels go in, all that is said comes out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from app.demo.desk import Desk
from app.demo.holding import Holding
from app.demo.ledger import Ledger
from app.demo.world import Truth, Waves, World, events, number_of
from app.fraud.transactions import DAY, EPOCH
from app.kafka.clients import reading_consumer, replay_producer
from app.kafka.following import Following, places_of
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from app.pipeline.topics import Role, codec_of, takers
from app.replay.base import Event, Source
from app.replay.replay import ReplayOptions, replay
from topics.metrics import WindowMetrics
from topics.records import Alert, Prediction

_POLL_SECONDS = 0.05


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
    """Replays the simulation: its history at once, the rest at its pace when it may.

    Args:
        world: What is simulated.
        truth: Is told of each day.
        pipeline: Names the topics.
        kafka: Reaches the cluster.
        ledger: Is told what was sent.
        desk: Is told of labels.
    """

    def __init__(
        self,
        world: World,
        truth: Truth,
        pipeline: Pipeline,
        kafka: KafkaSettings,
        ledger: Ledger,
        desk: Desk,
    ) -> None:
        super().__init__("the sender")
        self._world, self._pipeline, self._ledger, self._desk = world, pipeline, ledger, desk
        self._settings = replay_producer(kafka, {"linger.ms": 1})
        self.waves = Waves()
        self.holding = Holding()
        self._events = events(world, truth, self.waves)
        self._next: list[Event] = []
        self.has_history = threading.Event()
        """Set once Kafka has all of the history."""
        self._may_go_on = threading.Event()

    def go_on(self) -> None:
        """Send what comes after the history."""
        self._may_go_on.set()

    def stop(self, within: float = 30.0) -> None:
        """See Part."""
        self._stopping.set()
        self._may_go_on.set()
        super().stop(within)

    def work(self) -> None:
        """Send until stopped, then wait for Kafka's answers."""
        end = (EPOCH + self._world.history * DAY) * 1000
        self._replay(lambda: self._until(end), None)
        self.has_history.set()
        self._may_go_on.wait()
        self._ledger.begin_live()
        self._replay(self._rest, self._world.pace)

    def _replay(self, read: Callable[[], Iterator[Event]], pace: float | None) -> None:
        if not self._stopping.is_set():
            source = Source("live", read, key="card")
            options = ReplayOptions(pace=pace)
            replay(self._pipeline, source, self._settings, options, stop=self._stopping)

    def _until(self, end: int) -> Iterator[Event]:
        for event in self._events:
            if (event.timestamp or 0) >= end:
                self._next.append(event)
                return
            yield event
            self._note(event)

    def _rest(self) -> Iterator[Event]:
        for event in self.holding.through(chain(self._next, self._events)):
            yield event
            self._note(event)

    def _note(self, event: Event) -> None:
        """The next one is asked for: this one was sent."""
        number = number_of(event.fields["id"])
        if event.kind == "event":
            self._ledger.send(number)
        else:
            self._ledger.label(number)
            self._desk.label(number)


class Reader(Part):
    """Reads all that the pipeline writes, committed records only, as any consumer would.

    Args:
        pipeline: Names the topics, which must be there, and the formats.
        kafka: Reaches the cluster.
        ledger: Is told of predictions and dead letters.
        desk: Is told of predictions, alerts and metrics.
    """

    def __init__(
        self, pipeline: Pipeline, kafka: KafkaSettings, ledger: Ledger, desk: Desk
    ) -> None:
        super().__init__("the reader")
        self.to_end = False
        """Whether to read on, once stopped, to where the topics end by then."""
        self._ledger, self._desk = ledger, desk
        self._decode = codec_of(pipeline, "events").decode
        self._readers = self._of_topics(pipeline)
        # A group of its own, never joined, that has committed nothing.
        self._consumer = Consumer(reading_consumer(kafka, "riverrun-demo-reader"))
        self._places = places_of(self._consumer, self._readers)
        places = [TopicPartition(*place, OFFSET_BEGINNING) for place in self._places]
        self._following = Following(self._consumer, places)

    def work(self) -> None:
        """Read until stopped."""
        with closing(self._consumer):
            while not self._stopping.is_set():
                self._read()
            ends = {place: self._end(place) for place in self._places if self.to_end}
            while self._following.behind(ends):
                self._read()

    def _of_topics(self, pipeline: Pipeline) -> dict[str, Callable[[Message], None]]:
        wanted: dict[Role, tuple[Any, Callable[[Any], None]]] = {
            "predictions": (Prediction, self._predicted),
            "alerts": (Alert, self._desk.alert),
            "metrics": (WindowMetrics, self._desk.window),
        }
        taken = {
            topic: lambda message, take=take: take(_value(message))
            for topic, take in takers(pipeline, wanted).items()
        }
        return {**taken, pipeline.dead_letter_topic: self._set_aside}

    def _end(self, place: tuple[str, int]) -> int:
        return int(self._consumer.get_watermark_offsets(TopicPartition(*place), timeout=30)[1])

    def _read(self) -> None:
        for message in self._following.records(_POLL_SECONDS):
            self._readers[message.topic() or ""](message)

    def _predicted(self, said: Prediction) -> None:
        number = number_of(str(said.id))
        if self._ledger.predict(number, said.source.partition):
            self._desk.predict(number, said)

    def _set_aside(self, message: Message) -> None:
        """A dead letter; its value is that of the payment, or of the label."""
        fields = self._decode(_value(message))
        self._ledger.set_aside(number_of(fields["id"]), message.partition() or 0)


def _value(message: Message) -> bytes:
    value = message.value()
    assert isinstance(value, bytes)
    return value
