"""The thread that reads a pipeline's outputs from Kafka, while somebody looks at the page."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Protocol

from confluent_kafka import Consumer, TopicPartition

from app.kafka.backlog import Backlog, Offsets
from app.kafka.clients import reading_consumer
from app.kafka.following import Following
from app.kafka.reading import Reader
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from topics.records import Record

TAIL = 10_000
"""So many of the last records of a topic are read, over all of its partitions."""
POLL_SECONDS = 0.2
LOOK_SECONDS = 2.0
LINGER_SECONDS = 30.0
"""Who loads the page again finds it as it was."""
PAUSE_SECONDS = 5.0

log = logging.getLogger("riverrun.page")


class Fed(Protocol):
    """Where the records go; see ``Feed`` and ``Scraped``."""

    @property
    def topics(self) -> Sequence[str]: ...
    def read(self, record: Record) -> None: ...
    def progress(self, now: float, topics: Sequence[Offsets]) -> None: ...
    def caught_up(self) -> None: ...


class PageReader:
    """Reads the outputs of all workers of a pipeline into a feed, outside of any group.

    It holds no consumer while nobody looks: then it costs nothing.

    Args:
        pipeline: Whose outputs.
        kafka: How to reach Kafka.
        feed: Where the records go.
        linger: Seconds for which it reads on after the last look.
    """

    def __init__(
        self, pipeline: Pipeline, kafka: KafkaSettings, feed: Fed, linger: float = LINGER_SECONDS
    ) -> None:
        self._linger = linger
        self._pipeline = pipeline
        self._kafka = kafka
        self._feed = feed
        self._wake = threading.Event()
        self._looks = 0
        self._until = 0.0
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Tell the thread to end; it does so within a poll."""
        self._stopped = True
        self._wake.set()

    def join(self, seconds: float) -> None:
        """Wait for the thread to end."""
        self._thread.join(seconds)

    def look(self, by: int) -> None:
        """Count those who look: one more (`by` is 1), one less (-1), or a glance (0)."""
        self._looks += by
        self._until = time.monotonic() + self._linger
        self._wake.set()

    @property
    def _wanted(self) -> bool:
        looked_at = self._looks > 0 or time.monotonic() < self._until
        return looked_at and not self._stopped

    def _run(self) -> None:
        while not self._stopped:
            self._wake.wait()
            self._wake.clear()
            while self._wanted:
                try:
                    self._read()
                except Exception as error:  # whatever it is, the page goes on once it is over
                    log.warning("the page cannot read, it tries again: %s", error)
                    self._wake.clear()
                    self._wake.wait(PAUSE_SECONDS)

    def _read(self) -> None:
        """Read until nobody looks any more."""
        group = self._pipeline.group  # the one that a worker has the right to
        bounded = {"queued.max.messages.kbytes": 8192}
        with (
            closing(Consumer(reading_consumer(self._kafka, group, bounded))) as consumer,
            closing(Reader(reading_consumer(self._kafka, group), self._kafka.admin())) as offsets,
        ):
            self._follow(consumer, offsets)

    def _follow(self, consumer: Consumer, offsets: Reader) -> None:
        places = [place for topic in self._feed.topics for place in tail(offsets, topic)]
        following = Following(consumer, places)
        starts = {topic: offsets.starts(topic) for topic in self._inputs()}
        backlog, due = Backlog(offsets), 0.0
        while self._wanted:
            if time.monotonic() >= due:
                self._feed.progress(time.time(), [backlog.of(*one) for one in starts.items()])
                due = time.monotonic() + LOOK_SECONDS
            for message in following.records(POLL_SECONDS):
                self._feed.read(message)
            if len(following.ended) == len(places):
                self._feed.caught_up()

    def _inputs(self) -> list[str]:
        labels = self._pipeline.labels
        return [self._pipeline.events.topic, *([labels.topic] if labels else [])]


def tail(offsets: Reader, topic: str, count: int = TAIL) -> list[TopicPartition]:
    """Where to begin in each partition of a topic, so that its last `count` records are read."""
    starts, ends = offsets.starts(topic), offsets.ends(topic)
    each = -(-count // max(1, len(ends)))
    return [TopicPartition(topic, n, max(starts[n], end - each)) for n, end in ends.items()]
