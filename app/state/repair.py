"""Brings a state back to the newest whole one that its topic holds, without a tool of Kafka's.

What a step does is shown before it is done. All steps are one transaction, fenced by the group:
no worker can have a partition meanwhile. What keeps the promise:

- The committed offsets become those of the state. Where that goes back, events are done again;
  their outputs that are there already are named in the state, and are not written a second time.
- Records that somebody else wrote are replaced by those of the newest position that is whole.
- To begin with a topic of events that was created again, or to go on behind events that were
  deleted before they were read, is for the user to decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from app.errors import RiverrunError
from app.kafka.group import only_member, require_no_members
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from app.pipeline.stages import Stage
from app.state.history import History
from app.state.look import StateLook
from app.worker.output.outputs_beyond import Beyond, described
from app.worker.output.published import as_ranges
from app.worker.output.transactions import new_transactions
from app.worker.state.checks import checked
from app.worker.state.layout import PLAIN, POSITION
from app.worker.state.position import Position
from app.worker.tasks import Change

ANEW = (
    "give the pipeline a new name, and outputs of its own, under which it learns anew; `riverrun"
    " model import` puts an exported model there"
)


class RepairRefused(RiverrunError):
    """The state cannot be brought back in this way. Nothing was changed."""


@dataclass(frozen=True)
class Choices:
    """What only the user can decide.

    Attributes:
        new_topics: Begin at the beginning of inputs that were deleted and created again.
        accept_loss: Go on behind input that was deleted before it was read.
    """

    new_topics: bool = False
    accept_loss: bool = False


@dataclass(frozen=True)
class Step:
    """What is done to one partition of a stage.

    Attributes:
        place: The state topic and the partition.
        says: What is wrong and what is done, one line each.
        refused: Why nothing can be done; None where it can.
        change: What is committed; None where nothing is to be done.
    """

    place: str
    says: tuple[str, ...] = ()
    refused: str | None = None
    change: Change | None = None


def plan(pipeline: Pipeline, kafka: KafkaSettings, choices: Choices) -> list[Step]:
    """What would be done; partitions that are whole are left out.

    Raises:
        GroupInUse: while a worker runs.
        RepairRefused: when a topic is gone.
    """
    require_no_members(pipeline, kafka)
    return _plan(pipeline, kafka, choices)


def carry_out(
    pipeline: Pipeline, kafka: KafkaSettings, choices: Choices, steps: Sequence[Step]
) -> None:
    """Do what was planned, in one transaction.

    Raises:
        GroupInUse: when a worker runs.
        RepairRefused: when the state is not the one any more that was planned for.
        TransactionAborted, TransactionLost: See `Transactions`; after the first nothing has
            changed.
    """
    require_no_members(pipeline, kafka)
    with closing(StateLook(pipeline, kafka)) as look:
        inputs = [topic for stage in look.stages for topic in stage.inputs]
    with only_member(pipeline, kafka, inputs) as (_, group):
        if _plan(pipeline, kafka, choices) != list(steps):
            raise RepairRefused("the state has changed meanwhile: look again. Nothing was changed")
        transactions = new_transactions(pipeline, kafka, "state/repair")
        transactions.start()
        transactions.commit([step.change for step in steps if step.change], group)


def _plan(pipeline: Pipeline, kafka: KafkaSettings, choices: Choices) -> list[Step]:
    with closing(StateLook(pipeline, kafka)) as look:
        if missing := list(look.missing()):
            raise RepairRefused(f"{'; '.join(missing)}. What it held is lost: {ANEW}")
        steps = [step for stage in look.stages for step in _Planner(look, stage, choices).steps()]
        return [step for step in steps if step.says or step.refused]


@dataclass
class _Planner:
    """Plans the steps of one stage."""

    look: StateLook
    stage: Stage
    choices: Choices
    records: dict[int, History] = field(default_factory=dict)

    def steps(self) -> Iterator[Step]:
        """One for each partition."""
        asking, topic = self.look.restorers[self.stage].asking, self.stage.state_topic
        numbers = range(self.look.size(self.stage.inputs[0]))
        committed = asking.committed(self.stage.inputs, numbers)
        self.records = {p: History(f"{topic}[{p}]") for p in numbers}
        readers = {p: record.reader() for p, record in self.records.items()}
        self.look.read(self.stage, readers)
        for p, reader in readers.items():
            found = checked(reader)
            whole = self.records[p].newest_whole()
            damage = [flaw.at(reader.place) for flaw in found.flaws]
            if whole is None:
                yield self._without_state(p, damage, committed[p])
            else:
                yield self._step(p, damage, committed[p], *whole)

    def _without_state(
        self, partition: int, damage: Sequence[str], committed: Mapping[str, int | None]
    ) -> Step:
        place = self.records[partition].place
        if not damage and all(offset is None for offset in committed.values()):
            return Step(place)
        said = "; ".join(damage) or "it has nothing, and offsets are committed"
        return Step(place, refused=f"{place}: no whole state is left ({said}): {ANEW}")

    def _step(
        self,
        partition: int,
        damage: Sequence[str],
        committed: Mapping[str, int | None],
        position: Position,
        count: int,
    ) -> Step:
        record, says = self.records[partition], list(damage)
        try:
            offsets = dict(position.offsets) | dict(self._begun_anew(partition, position, says))
            offsets |= dict(self._behind_the_gap(partition, offsets, says))
            published = self._published(partition, position, offsets, committed, says)
        except RepairRefused as error:
            return Step(record.place, tuple(says), f"{record.place}: {error}")
        rows, extent = record.back_to(count)
        at = record.records[count - 1][2]
        if extent is not None:
            says.append(f"-> the state is written anew, as it was at offset {at}")
        elif rows:
            says.append(f"-> {len(rows):,} records become what they were at offset {at}")
        for topic, offset in offsets.items():
            if committed[topic] != offset:
                before = "none" if committed[topic] is None else committed[topic]
                says.append(
                    f"-> the committed offset of {topic}[{partition}]: {before} becomes {offset}"
                )
        if not says:
            return Step(record.place)
        ids = {
            t: found.id for t in self.stage.inputs if (found := self.look.topics[t]) and found.id
        }
        since = self.look.output_ends() if self._anew(position) else position.since
        new = replace(position, offsets=offsets, topics=ids, published=published, since=since)
        if extent is not None:
            new = replace(new, extent=extent)
        rows.append((POSITION.encode(), PLAIN + new.encode()))
        change = Change(partition, offsets, [], self.stage.state_topic, rows, 0)
        return Step(record.place, tuple(says), None, change)

    def _anew(self, position: Position) -> list[str]:
        """The inputs that are other topics than those of a position."""
        now = self.look.topics
        ids = {t: found.id for t in self.stage.inputs if (found := now[t]) and found.id}
        return [t for t, then in position.topics.items() if t in ids and ids[t] != then]

    def _begun_anew(
        self, partition: int, position: Position, says: list[str]
    ) -> Iterator[tuple[str, int]]:
        for topic in self._anew(position):
            says.append(
                f"topic {topic} was deleted and created again; the state is done up to offset"
                f" {position.offsets.get(topic)} of the one that is gone"
            )
            if not self.choices.new_topics:
                raise RepairRefused(
                    f"say with --new-topics that the new {topic} is read from its beginning, with"
                    f" the model of the old one; or {ANEW}"
                )
            start = self._starts(topic, partition)
            says.append(
                f"-> {topic}[{partition}] is read from its beginning, offset {start}. Outputs"
                " that are there are of the topic that is gone: a reader tells them by their own"
                " offsets, for those of their events come again"
            )
            yield topic, start

    def _behind_the_gap(
        self, partition: int, offsets: Mapping[str, int], says: list[str]
    ) -> Iterator[tuple[str, int]]:
        for topic, offset in offsets.items():
            start = self._starts(topic, partition)
            if offset >= start:
                continue
            says.append(
                f"{topic}[{partition}]: the offsets {offset} to {start - 1} were deleted before"
                " they were done"
            )
            if not self.choices.accept_loss:
                raise RepairRefused(
                    "say with --accept-loss that it goes on behind them: they have no output and"
                    f" are not learned; or {ANEW}"
                )
            says.append(f"-> it goes on at offset {start}; those before stay without an output")
            yield topic, start

    def _published(
        self,
        partition: int,
        position: Position,
        offsets: Mapping[str, int],
        committed: Mapping[str, int | None],
        says: list[str],
    ) -> dict[str, list[list[int]]]:
        """Outputs of the events that are done again, by topic."""
        events = self.look.pipeline.events.topic
        beyond: list[Beyond] = []
        if self.stage == self.look.stages[0] and not self._anew(position):
            beyond = self.look.visible(partition, offsets.get(events, 0), position)
        back = any((committed[topic] or 0) > offset for topic, offset in offsets.items())
        if len(self.look.stages) > 1 and (beyond or back) and not self._anew(position):
            raise RepairRefused(
                "the newest whole state is behind what later stages have: of several stages none"
                f" goes back alone; {ANEW}"
            )
        old = {topic: [list(r) for r in ranges] for topic, ranges in position.published.items()}
        new: dict[str, list[list[int]]] = {}
        for topic in dict.fromkeys(one.topic for one in beyond):
            new[topic] = as_ranges(one.event for one in beyond if one.topic == topic)
        if beyond and new != old:
            says.append(f"outputs of events that are not done: {described(beyond)}")
            says.append(
                f"-> the events from offset {offsets[events]} on are done; these outputs are"
                " not written a second time: a reader keeps them"
            )
        return new

    def _starts(self, topic: str, partition: int) -> int:
        return self.look.restorers[self.stage].asking.starts(topic, [partition])[partition]
