"""A worker of any pipeline without Kafka: what it commits is kept, and read again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec
from confluent_kafka import Message, murmur2

from app.kafka.partitions import TP
from app.pipeline.load import Pipeline
from app.pipeline.stages import Stage, merged_topics, stages
from app.pipeline.topics import pipeline_topics
from app.worker.state.restore import Restored
from app.worker.tasks import Change
from tests.app.support import Opened, restored
from topics.records import Batch, Outgoing


class Told(NamedTuple):
    """A record of an input: its topic, the text of its key, what it says, and when."""

    topic: str
    key: str
    value: Any
    time: int


class Playing:
    """A worker that commits after each round.

    Args:
        pipeline: Its late labels, if any, are merged with its events.
        partitions: Of the events.
        at_once: Whether stages forward in memory; else by records, which are read after each
            round.
    """

    def __init__(self, pipeline: Pipeline, partitions: int, *, at_once: bool = True) -> None:
        counts = {t.name: t.spec(partitions).partitions for t in pipeline_topics(pipeline)}
        self.pipeline, self.counts, self.at_once = pipeline, counts, at_once
        self.opened = Opened(pipeline, counts)
        self.logs: dict[TP, list[Any]] = defaultdict(list)
        self.letters: list[Outgoing] = []
        self.predictions: list[dict[str, Any]] = []
        self.saved: dict[TP, tuple[dict[bytes, bytes | None], dict[str, int]]] = {}
        self.restart()

    def restart(self) -> None:
        """Go on with what was committed last; all else is gone."""
        fresh = {
            (stage, n): self._restored(stage, n)
            for stage in stages(self.pipeline)
            for n in range(self.counts[stage.inputs[0]])
        }
        self.opened.open(fresh, at_once=self.at_once)

    def _restored(self, stage: Stage, partition: int) -> Restored:
        state, offsets = self.saved.get(TP(stage.state_topic, partition), ({}, {}))
        made = restored(Change(partition, offsets, [], stage.state_topic, list(state.items()), 0))
        return replace(made, offsets=dict.fromkeys(stage.inputs) | offsets)

    def play(self, stream: Sequence[Told], size: int = 50) -> None:
        """All of a stream, in rounds, each with what it leads to."""
        for batches in self.rounds(stream, size):
            for batch in batches:
                self.process(batch)
            self.commit()
            self.go_on()

    def rounds(self, stream: Sequence[Told], size: int = 50) -> Iterator[list[Batch]]:
        """What a worker with all partitions reads: in this order, cut by partition."""
        topics = merged_topics(self.pipeline)
        for first in range(0, len(stream), size):
            parts = defaultdict[int, list[tuple[int, Any]]](list)
            for place, told in enumerate(stream[first : first + size], first):
                at = TP(told.topic, murmur2(told.key.encode(), self.counts[told.topic]))
                value, time = msgspec.json.encode(told.value), (1, told.time)
                record = Message(*at, len(self.logs[at]), told.key.encode(), value, timestamp=time)
                self.logs[at].append(record)
                parts[at.partition].append((place, record))
            batches = []
            for number, found in parts.items():
                places, records = zip(*found, strict=True)
                ends = {topic: len(self.logs[TP(topic, number)]) for topic in topics}
                last = number == list(parts)[-1]
                batches.append(Batch(topics[0], number, records, None, 0, ends, places, last))
            yield batches

    def go_on(self) -> None:
        """The later stages read what is there for them, until nothing is."""
        for stage in stages(self.pipeline)[1:]:
            for number in range(self.counts[stage.inputs[0]]):
                self.read(TP(stage.inputs[0], number))
            self.commit()

    def read(self, at: TP) -> None:
        """A later stage reads one of its partitions."""
        done = self.opened.tasks[at].offsets.get(at.topic, 0)
        if rest := self.logs[at][done:]:
            self.process(Batch(*at, rest))

    def process(self, batch: Batch) -> None:
        """A batch, whatever came before it."""
        task = self.opened.tasks[TP(batch.topic, batch.partition)]
        assert self.opened.process(replace(batch, number=task.batches))

    def commit(self) -> None:
        """All that is due."""
        for task in self.opened.assignment.due:
            change = task.take()
            for outputs in change.outputs:
                self.predictions += [msgspec.json.decode(value) for _, value in outputs.predictions]
                self.letters += outputs.dead_letters
                for record in sorted(outputs.others, key=lambda record: record.place):
                    written = self.write(*record[:4])
                    if record.on_delivery is not None:
                        record.on_delivery(None, written)
            task.committed(change)
            place = TP(change.state_topic, change.partition)
            state, _ = self.saved.get(place, ({}, {}))
            for key, value in change.state:
                state.pop(key, None)
                state[key] = value
            self.saved[place] = state, dict(change.offsets)

    def write(
        self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None
    ) -> Message:
        """A record, where its key belongs unless a partition is given."""
        count = self.counts[topic]
        if partition is None:
            partition = 0 if count == 1 or key is None else murmur2(key, count)
        at = TP(topic, partition)
        written = Message(*at, len(self.logs[at]), key, value)
        self.logs[at].append(written)
        return written

    @property
    def learned(self) -> list[str]:
        """The fingerprints of all models."""
        models = [task.agent.model for task in self.opened.tasks.values()]
        return [model.fingerprint() for model in models if model is not None]

    @property
    def scores(self) -> Mapping[Any, tuple[Any, ...]]:
        """Version and score of each event, by its id; fails where one was scored twice."""
        found = {said["id"]: (said["model"]["version"], said["score"]) for said in self.predictions}
        assert len(found) == len(self.predictions)
        return found
