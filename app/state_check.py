"""Reads the whole state of a pipeline as a restore does, and says all that is wrong with it.

Nothing is written, and no group is joined: it may run beside workers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from confluent_kafka import IsolationLevel

from app.group import members
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from app.pipeline.stages import Stage, stages
from app.worker.clients import restore_consumer
from app.worker.outputs_beyond import Beyond, OutputReader, told
from app.worker.position import Position
from app.worker.published import sources
from app.worker.restore import Restorer
from app.worker.state_checks import another_topic, checked
from app.worker.torn import lie_beside

TRIES = 3
"""A worker that runs commits while its state is read: what looks damaged is read again."""


@dataclass(frozen=True)
class PartitionState:
    """What lies on Kafka of one partition of a stage.

    Attributes:
        stage: The first topic that the stage reads.
        state_topic: Where its state is.
        partition: The number of both.
        committed: By input topic; None where nothing was committed.
        position: By input topic, as the state says it; None where there is no state yet.
        topics: The ids of the inputs that the state names.
        entries: How many it has, besides model and position.
        learned: Events that the model has learned which the position names; None without one.
        sha256: Of that model's snapshot, in hexadecimal digits.
        damage: What is wrong, one line each.
        notes: What is to be known besides.
    """

    stage: str
    state_topic: str
    partition: int
    committed: Mapping[str, int | None]
    position: Mapping[str, int] | None = None
    topics: Mapping[str, str] = field(default_factory=dict)
    entries: int = 0
    learned: int | None = None
    sha256: str | None = None
    damage: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether a worker takes it."""
        return not self.damage


@dataclass(frozen=True)
class StateReport:
    """The state of a pipeline.

    Attributes:
        partitions: By stage and number.
        damage: What is wrong with its topics.
        members: Of the group: with a worker that runs, the state may move on while it is read.
    """

    partitions: tuple[PartitionState, ...]
    damage: tuple[str, ...]
    members: int

    @property
    def whole(self) -> bool:
        """Whether a worker takes all of it."""
        return not self.damage and all(each.whole for each in self.partitions)


def check_state(pipeline: Pipeline, kafka: KafkaSettings) -> StateReport:
    """Read the state of all partitions of all stages."""
    count = members(pipeline, kafka)
    with closing(StateLook(pipeline, kafka)) as look:
        if missing := tuple(look.missing()):
            return StateReport((), missing, count)
        return StateReport(tuple(look.partitions()), (), count)


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
        self.outputs: OutputReader = first.outputs(pipeline)

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
                if not (bad := [p for p, state in found.items() if not state.whole]):
                    break
                again = self._of_stage(stage, bad)
                moved = {p: s for p, s in again.items() if s.committed != found[p].committed}
                found |= moved | {p: s for p, s in again.items() if s.whole}
                if not moved:
                    break
            yield from found.values()

    def _of_stage(self, stage: Stage, partitions: Sequence[int]) -> dict[int, PartitionState]:
        restorer = self.restorers[stage]
        committed = restorer.asking.committed(stage.inputs, partitions)
        ends = restorer.asking.ends(stage.state_topic, partitions, IsolationLevel.READ_UNCOMMITTED)
        starts = {t: restorer.asking.starts(t, partitions) for t in stage.inputs}
        lasts = {
            t: restorer.asking.ends(t, partitions, IsolationLevel.READ_UNCOMMITTED)
            for t in stage.inputs
        }
        readers = {p: restorer.new_reader(p) for p in partitions}
        restorer.read(ends, readers)
        found, positions = {}, dict[int, Position]()
        for p, reader in readers.items():
            looked = checked(reader)
            position = looked.position
            if position is not None:
                positions[p] = position
            damage = [flaw.at(reader.place) for flaw in looked.flaws]
            damage += another_topic(position, self.topics) if position else []
            damage += _offsets_of(stage, p, position, committed[p])
            if position:
                damage += _lost(stage, p, position, starts, lasts) if not damage else []
            model = position.model if position else None
            found[p] = PartitionState(
                stage.inputs[0],
                stage.state_topic,
                p,
                committed[p],
                position.offsets if position else None,
                position.topics if position else {},
                looked.checksum.size,
                model.learned if model else None,
                model.sha256.hex() if model else None,
                tuple(damage),
                _notes(position),
            )
        return found if stage != self.stages[0] else self._with_outputs(found, positions)

    def _with_outputs(
        self, found: dict[int, PartitionState], positions: Mapping[int, Position]
    ) -> dict[int, PartitionState]:
        events = self.pipeline.events.topic
        done = {p: position.offsets.get(events, 0) for p, position in positions.items()}
        for one in self.torn(done, positions):
            state = found[one[0].source]
            line = f"outputs that no committed offset covers: {told(one)}"
            found[state.partition] = replace(state, damage=(*state.damage, line))
        return found

    def torn(
        self, done: Mapping[int, int], positions: Mapping[int, Position], tail: int | None = 100
    ) -> list[list[Beyond]]:
        """Outputs beyond what is done, one list for each partition that has any."""
        found = []
        for topic in filter(None, (self.pipeline.predictions.topic, self.pipeline.decisions.topic)):
            places = self.places(topic, done)
            since: dict[int, int] = {}
            for position in positions.values():
                since |= position.since.get(topic, {})
            found += self.outputs.beyond(topic, places, done, tail=tail, since=since)
        new = [one for one in found if not _known(positions[one.source], one)]
        by_source = {one.source for one in new}
        return [[one for one in new if one.source == p] for p in sorted(by_source)]

    def visible(self, partition: int, offset: int, position: Position) -> list[Beyond]:
        """All outputs of the events of a partition from this offset on."""
        outputs = [t for t in sources(self.pipeline) if self.topics.get(t)]
        return [
            one
            for topic in outputs
            for one in self.outputs.beyond(
                topic,
                self.places(topic, {partition: offset}),
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

    def places(self, topic: str, done: Mapping[int, int]) -> list[int]:
        sizes = {name: self.size(name) for name in self.topics}
        beside = topic == self.pipeline.predictions.topic and lie_beside(self.pipeline, sizes)
        return list(done) if beside else list(range(self.size(topic)))


def _known(position: Position, one: Beyond) -> bool:
    ranges = position.published.get(one.topic, ())
    return any(first <= one.event < end for first, end in ranges)


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


def _lost(
    stage: Stage,
    partition: int,
    position: Position,
    starts: Mapping[str, Mapping[int, int]],
    ends: Mapping[str, Mapping[int, int]],
) -> Iterator[str]:
    """Input that was deleted before it was read."""
    for topic in stage.inputs:
        offset, start, end = (
            position.offsets.get(topic),
            starts[topic][partition],
            ends[topic][partition],
        )
        if offset is None:
            continue
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


def _notes(position: Position | None) -> tuple[str, ...]:
    if position is None or position.checksum is not None:
        return ()
    return (
        "written by an older version, without ids and digests: taken as it is; the next commit"
        " adds them",
    )


def _said(offset: int | None) -> str:
    return "none" if offset is None else str(offset)
