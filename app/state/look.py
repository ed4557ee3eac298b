"""Reads what a worker would restore of a pipeline, and finds what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from confluent_kafka import IsolationLevel

from app.kafka.clients import restore_consumer
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from app.pipeline.stages import Stage, stages
from app.state.report import PartitionState
from app.worker.output.outputs_beyond import Beyond, described
from app.worker.output.published import sources
from app.worker.output.torn import TornOutputs
from app.worker.state.checks import Found, another_topic, checked
from app.worker.state.position import Position
from app.worker.state.reader import StateReader
from app.worker.state.restore import Restorer

Bounds = dict[tuple[str, int], tuple[int, int]]
"""By topic and partition of the inputs: the first offset that is there, and the end."""

TRIES = 3
"""A worker that runs commits while its state is read: what looks damaged is read again."""


class StateLook:
    """Reads what a worker would restore.

    Args:
        pipeline: Whose state.
        kafka: Reaches the cluster.
    """

    def __init__(self, pipeline: Pipeline, kafka: KafkaSettings) -> None:
        self.pipeline = pipeline
        self.stages = stages(pipeline)
        self.restorers = {
            stage: Restorer(
                restore_consumer(pipeline, kafka), kafka.admin(), stage.inputs, stage.state_topic
            )
            for stage in self.stages
        }
        names = {topic for stage in self.stages for topic in (*stage.inputs, stage.state_topic)}
        first = self.restorers[self.stages[0]]
        self.topics = first.asking.topics([*names, *sources(pipeline)])
        self.outputs = first.outputs(pipeline)
        sizes = {name: self.size(name) for name in self.topics}
        self.torn = TornOutputs(pipeline, sizes, self.outputs)

    def close(self) -> None:
        """Close the clients."""
        for restorer in self.restorers.values():
            restorer.close()

    def missing(self) -> Iterator[str]:
        """Lines about topics without which nothing can be read."""
        for name, topic in self.topics.items():
            if topic is None:
                yield f"topic {name} is gone, or was never created"
        for stage in self.stages:
            sizes = {t: self.size(t) for t in (*stage.inputs, stage.state_topic)}
            if len(set(sizes.values())) > 1 and all(sizes.values()):
                said = ", ".join(f"{topic} has {size}" for topic, size in sizes.items())
                yield f"topics of one stage have different numbers of partitions: {said}"

    def size(self, topic: str) -> int:
        """How many partitions a topic has; 0 where it is gone."""
        found = self.topics[topic]
        return found.partitions if found else 0

    def partitions(self) -> Iterator[PartitionState]:
        """The states, stage by stage."""
        for stage in self.stages:
            found = self._of_stage(stage, range(self.size(stage.inputs[0])))
            for _ in range(TRIES - 1):
                bad = [p for p, state in found.items() if not state.whole]
                again = self._of_stage(stage, bad) if bad else {}
                moved = {p: s for p, s in again.items() if s.committed != found[p].committed}
                found |= moved | {p: s for p, s in again.items() if s.whole}
                if not moved:
                    break
            yield from found.values()

    def read(self, stage: Stage, readers: Mapping[int, StateReader]) -> None:
        """Read the state of partitions to its end."""
        restorer = self.restorers[stage]
        level = IsolationLevel.READ_UNCOMMITTED
        restorer.read(restorer.asking.ends(stage.state_topic, list(readers), level), readers)

    def _of_stage(self, stage: Stage, partitions: Sequence[int]) -> dict[int, PartitionState]:
        restorer = self.restorers[stage]
        committed = restorer.asking.committed(stage.inputs, partitions)
        readers = {p: restorer.new_reader(p) for p in partitions}
        self.read(stage, readers)
        bounds = self._bounds(stage, partitions)
        looked = {p: checked(reader) for p, reader in readers.items()}
        found = {
            p: _state(
                stage,
                p,
                state,
                committed[p],
                list(self._damage(stage, p, state, committed[p], bounds)),
            )
            for p, state in looked.items()
        }
        if stage != self.stages[0]:
            return found
        return self._with_outputs(found, {p: s.position for p, s in looked.items() if s.position})

    def _damage(
        self,
        stage: Stage,
        partition: int,
        found: Found,
        committed: Mapping[str, int | None],
        bounds: Bounds,
    ) -> Iterator[str]:
        place = f"{stage.state_topic}[{partition}]"
        yield from (flaw.at(place) for flaw in found.flaws)
        anew = another_topic(found.position, self.topics) if found.position else []
        yield from anew or _offsets_of(stage, partition, found.position, committed)
        if found.position and not anew:
            yield from _lost(partition, found.position, bounds)

    def _bounds(self, stage: Stage, partitions: Sequence[int]) -> Bounds:
        asking, level = self.restorers[stage].asking, IsolationLevel.READ_UNCOMMITTED
        found: Bounds = {}
        for topic in stage.inputs:
            starts, ends = asking.starts(topic, partitions), asking.ends(topic, partitions, level)
            found |= {(topic, p): (starts[p], ends[p]) for p in partitions}
        return found

    def _with_outputs(
        self, found: dict[int, PartitionState], positions: Mapping[int, Position]
    ) -> dict[int, PartitionState]:
        events = self.pipeline.events.topic
        done = {p: position.offsets.get(events, 0) for p, position in positions.items()}
        beyond = self.torn.beyond(positions, done)
        for p in sorted({one.source for one in beyond}):
            said = described([one for one in beyond if one.source == p])
            line = f"outputs that no committed offset covers: {said}"
            found[p] = replace(found[p], damage=(*found[p].damage, line))
        return found

    def visible(self, partition: int, offset: int, position: Position) -> list[Beyond]:
        """All outputs of the events of a partition from this offset on."""
        outputs = [t for t in sources(self.pipeline) if self.topics.get(t)]
        return [
            one
            for topic in outputs
            for one in self.outputs.beyond(
                topic,
                self.torn.places(topic, [partition]),
                {partition: offset},
                tail=None,
                since=position.since.get(topic),
            )
        ]

    def output_ends(self) -> dict[str, dict[int, int]]:
        """Where each partition of the outputs ends."""
        asking = self.restorers[self.stages[0]].asking
        level = IsolationLevel.READ_UNCOMMITTED
        return {
            topic: asking.ends(topic, range(self.size(topic)), level)
            for topic in sources(self.pipeline)
            if self.topics.get(topic)
        }


def _state(
    stage: Stage,
    partition: int,
    found: Found,
    committed: Mapping[str, int | None],
    damage: Sequence[str],
) -> PartitionState:
    position, model = found.position, found.position.model if found.position else None
    return PartitionState(
        stage.inputs[0],
        stage.state_topic,
        partition,
        committed,
        position.offsets if position else None,
        position.topics if position else {},
        found.checksum.size,
        model.learned if model else None,
        model.sha256.hex() if model else None,
        tuple(damage),
    )


def _offsets_of(
    stage: Stage, partition: int, position: Position | None, committed: Mapping[str, int | None]
) -> Iterator[str]:
    own = position.offsets if position else {}
    for topic in stage.inputs:
        if own.get(topic) != committed[topic]:
            yield (
                f"{topic}[{partition}]: the state is done up to offset {_said(own.get(topic))},"
                f" the group's committed offset is {_said(committed[topic])}"
            )


def _lost(partition: int, position: Position, bounds: Bounds) -> Iterator[str]:
    """Input that was deleted before it was read, or that the broker has lost."""
    for topic, offset in position.offsets.items():
        start, end = bounds.get((topic, partition), (0, offset))
        if offset < start:
            yield (
                f"{topic}[{partition}]: the offsets {offset} to {start - 1} were deleted before"
                " they were read: the retention was shorter than the downtime"
            )
        elif offset > end:
            yield (
                f"{topic}[{partition}]: it ends at offset {end}, before the {offset} that the state"
                " has come to: the broker has lost what it had acknowledged"
            )


def _said(offset: int | None) -> str:
    return "none" if offset is None else str(offset)
