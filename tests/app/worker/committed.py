"""What several workers of a pipeline have committed, without Kafka; see `crew`."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Any

import msgspec
from confluent_kafka import Message, murmur2

from app.kafka.partitions import TP
from app.pipeline.load import Pipeline
from app.pipeline.topics import pipeline_topics
from app.worker.input.mark_reader import Read
from app.worker.tasks import Change
from tests.app.worker.playing import Told
from topics.records import Outgoing


class Kafka:
    """All topics of a pipeline.

    Args:
        pipeline: Whose.
        partitions: Of the events.
        told: What lies on the inputs.
    """

    def __init__(self, pipeline: Pipeline, partitions: int, told: Sequence[Told]) -> None:
        self.counts = {t.name: t.spec(partitions).partitions for t in pipeline_topics(pipeline)}
        self.logs: dict[TP, list[Any]] = defaultdict(list)
        self.states: dict[TP, tuple[dict[bytes, bytes | None], dict[str, int]]] = {}
        self.marks: list[Read] = []
        self.readers: list[deque[Read]] = []
        self.predictions: list[dict[str, Any]] = []
        self.letters: list[Outgoing] = []
        self._marks_topic = pipeline.marks_topic
        for topic, key, value, time in told:
            self._append(topic, key.encode(), msgspec.json.encode(value), None, time)

    def commit(self, changes: Sequence[Change]) -> None:
        """A transaction."""
        for change in changes:
            place = TP(change.state_topic, change.partition)
            state, _ = self.states.get(place, ({}, {}))
            for key, value in change.state:
                state.pop(key, None)
                state[key] = value
            self.states[place] = state, dict(change.offsets)
            for outputs in change.outputs:
                self.predictions += [msgspec.json.decode(value) for _, value in outputs.predictions]
                self.letters += outputs.dead_letters
        others = [o for change in changes for outputs in change.outputs for o in outputs.others]
        for record in sorted(others, key=lambda record: record.place):
            made = self._append(record.topic, record.key, record.value, record.partition, 0)
            if record.on_delivery is not None:
                record.on_delivery(None, made)
            if record.topic == self._marks_topic:
                self._mark(record.partition or 0, record.value or b"")

    def _mark(self, partition: int, value: bytes) -> None:
        self.marks.append((partition, len(self.marks), value))
        for reader in self.readers:
            reader.append(self.marks[-1])

    def _append(
        self, topic: str, key: bytes | None, value: bytes | None, partition: int | None, time: int
    ) -> Message:
        if partition is None:
            partition = murmur2(key or b"", self.counts[topic])
        at = TP(topic, partition)
        made = Message(*at, len(self.logs[at]), key, value, timestamp=(1, time))
        self.logs[at].append(made)
        return made

    @property
    def scores(self) -> dict[Any, tuple[Any, Any]]:
        """Version and score of each event, by its id; fails where one was scored twice."""
        found = {said["id"]: (said["model"]["version"], said["score"]) for said in self.predictions}
        assert len(found) == len(self.predictions)
        return found


class Reader:
    """A reader of the marks that has always read all."""

    failure = None

    def __init__(self, kafka: Kafka) -> None:
        self.records = deque(kafka.marks)
        kafka.readers.append(self.records)
