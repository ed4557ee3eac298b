"""Several workers of a pipeline of any stages, without Kafka."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from confluent_kafka import KafkaError, Message

from app.kafka.partitions import TP
from app.pipeline.load import Pipeline
from app.pipeline.stages import (
    Stage,
    mark_length,
    merged_inner,
    merged_together,
    merged_topics,
    mixes,
    stages,
)
from app.worker.input.mark_reader import MarkReader
from app.worker.input.rounds import Rounds
from app.worker.mixed_model import MixedModel
from app.worker.state.layout import MODEL
from app.worker.state.restore import Restored
from app.worker.tasks import Change
from tests.app.support import Opened, restored
from tests.app.worker.committed import Kafka, Reader
from tests.app.worker.playing import Told
from topics.records import Batch


class Worker:
    """A worker without threads: it fetches, processes and commits when it is told to.

    Args:
        pipeline: What to do.
        kafka: What there is.
        mine: Its partitions of the inputs of all stages; None for all.
    """

    def __init__(self, pipeline: Pipeline, kafka: Kafka, mine: Sequence[TP] | None = None) -> None:
        self.pipeline, self.kafka, self.stages = pipeline, kafka, stages(pipeline)
        self.opened = Opened(pipeline, kafka.counts)
        everything = all_inputs(pipeline, kafka)
        self.mine = everything if mine is None else list(mine)
        self.alone = set(self.mine) == set(everything)
        self.start()

    def start(self) -> None:
        """Go on with what was committed last; all else is gone."""
        builder = self.opened.builder
        self.mixed: MixedModel | None = None
        if builder.marks is not None:
            reader = cast(MarkReader, Reader(self.kafka))
            span = mark_length(self.pipeline)
            self.mixed = MixedModel(self.stages[-1], builder.marks, reader, span, self)
            self.mixed.take()
        fresh = {
            (stage, at.partition): self._restored(stage, at.partition)
            for stage in self.stages
            for at in self.mine
            if at.topic == stage.inputs[0]
        }
        self.at = {
            TP(topic, n): offset or 0
            for (_, n), state in fresh.items()
            for topic, offset in state.offsets.items()
        }
        at_once = self.alone and self._nothing_between()
        self.between_first = self.alone and not at_once
        self.hear()
        self.opened.open(fresh, at_once=at_once)
        self.assignment = self.opened.assignment
        self.assignment.partitions = tuple(self.mine)
        if self.mixed is not None:
            self.mixed.begin(self.assignment)
        self.rounds = Rounds(
            merged_topics(self.pipeline),
            self.mine,
            together=merged_together(self.pipeline),
            inner=merged_inner(self.pipeline),
            span=mark_length(self.pipeline) if mixes(self.pipeline) else None,
        )
        self.rounds.begin(self.assignment.least)
        if at_once:
            self.at.pop(TP(self.pipeline.rows_topic, 0), None)
        self.queue: deque[Batch] = deque()

    def _nothing_between(self) -> bool:
        later = [topic for stage in self.stages[1:] for topic in stage.inputs]
        return all(self.at[at] == len(self.kafka.logs[at]) for at in self.mine if at.topic in later)

    def _restored(self, stage: Stage, partition: int) -> Restored:
        place = TP(stage.state_topic, partition)
        state, offsets = self.kafka.states.get(place, ({}, {}))
        rows = list(state.items())
        made = restored(Change(partition, offsets, [], stage.state_topic, rows, 0))
        return replace(made, offsets=dict.fromkeys(stage.inputs) | offsets)

    def hear(self) -> None:
        """The newest versions of the learners that other workers have."""
        versions, last = self.opened.builder.versions, self.stages[-1]
        if versions is None:
            return
        for n in last.learners:
            if TP(last.inputs[0], n) in self.mine:
                continue
            snapshot = self._restored(last, n).entries.get(MODEL)
            if snapshot is not None:
                versions.take(snapshot, n)

    def nudge(self) -> None:
        """As a committer: it is told to commit anyway."""

    def step(self, limit: int) -> bool:
        """Fetch, and process a batch unless it must wait; False where nothing was left."""
        if self.mixed is not None:
            self.mixed.take()
        self.hear()
        if not self.queue:
            self._fetch(limit)
        if not self.queue:
            self.assignment.ended, self.assignment.all_fetched = self.rounds.ended, True
            if self.mixed is not None:
                self.mixed.follow()
            if self.between_first and self._nothing_between():
                self.commit()
                self.start()
                return True
            return False
        self.assignment.all_fetched = False
        self._process()
        return True

    def _process(self) -> None:
        batch = self.queue[0]
        if (
            self.mixed is not None
            and batch.mark is not None
            and self.mixed._feeds(self.assignment, batch)
            and not self.mixed.reached(self.assignment, batch.mark)
        ):
            return
        self.queue.popleft()
        task = self.opened.tasks[TP(batch.topic, batch.partition)]
        assert self.opened.process(replace(batch, number=task.batches))

    def _fetch(self, limit: int) -> None:
        first = self.stages[0].inputs
        for at, offset in self.at.items():
            if self.between_first and at.topic in first:
                continue
            there = self.kafka.logs[at]
            more = there[offset : offset + limit]
            self.at[at] = offset + len(more)
            if rest := self.rounds.add(more):
                self.queue.append(Batch(at.topic, at.partition, rest))
            if self.at[at] == len(there):
                self.rounds.add([_end(at)])
        for part in self.rounds.take(limit):
            places = part.places if merged_together(self.pipeline) else None
            last = part.last if merged_together(self.pipeline) else True
            self.queue.append(
                Batch(
                    *(part.topic, part.partition, part.records, None, 0),
                    *(part.ends, places, last, part.mark),
                )
            )

    def commit(self) -> None:
        """All that is due, in one transaction."""
        due = self.assignment.due
        changes = [task.take() for task in due]
        self.kafka.commit(changes)
        for task, change in zip(due, changes, strict=True):
            task.committed(change)

    @property
    def own_labels(self) -> int:
        """Labels that its partitions have learned by themselves, where models are mixed."""
        mixers = [task.mixer for task in self.opened.tasks.values() if task.mixer is not None]
        return sum(m._total + m._model.learned - m._base.count for m in mixers)


def _end(at: TP) -> Any:
    error = KafkaError(KafkaError._PARTITION_EOF)
    return Message(at.topic, at.partition, -1, error=error)


def all_inputs(pipeline: Pipeline, kafka: Kafka) -> list[TP]:
    """All partitions of the inputs of all stages."""
    topics = [topic for stage in stages(pipeline) for topic in stage.inputs]
    return [TP(topic, n) for topic in topics for n in range(kafka.counts[topic])]


def shared_out(pipeline: Pipeline, kafka: Kafka, draw: random.Random, count: int) -> list[list[TP]]:
    """Partitions of all inputs, co-partitioned ones together, given to so many workers."""
    groups: list[list[TP]] = [[] for _ in range(count)]
    for stage in stages(pipeline):
        for number in range(kafka.counts[stage.inputs[0]]):
            draw.choice(groups).extend(TP(topic, number) for topic in stage.inputs)
    return groups


def play(
    pipeline: Pipeline,
    partitions: int,
    told: Sequence[Told],
    *,
    workers: int = 1,
    seed: int = 0,
    kills: int = 0,
    moves: int = 0,
) -> tuple[Kafka, list[Worker]]:
    """Workers in any order, until nothing is left; some are killed, and partitions move."""
    draw, kafka = random.Random(seed), Kafka(pipeline, partitions, told)

    def gather() -> list[Worker]:
        count = draw.choice([1, workers]) if moves else workers
        if count == 1:
            return [Worker(pipeline, kafka)]
        return [Worker(pipeline, kafka, g) for g in shared_out(pipeline, kafka, draw, count)]

    crew, quiet, steps = gather(), 0, 0
    while quiet < 40 * len(crew):
        steps += 1
        assert steps < 40_000, "nothing goes on"
        worker = draw.choice(crew)
        busy = worker.step(draw.randrange(1, 80))
        quiet = 0 if busy else quiet + 1
        if kills and busy and draw.random() < 0.02:
            kills -= 1
            worker.opened.assignment.drop()
            worker.start()
        elif moves and busy and draw.random() < 0.01:
            moves -= 1
            for each in crew:
                if draw.random() < 0.5:
                    each.commit()
            crew = gather()
        elif draw.random() < 0.5:
            worker.commit()
            quiet = min(quiet, 40 * len(crew) - 1) if not worker.assignment.due else 0
    for worker in crew:
        worker.commit()
    return kafka, crew
