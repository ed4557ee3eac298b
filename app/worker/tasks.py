"""A task: the agent of one partition of a stage, its state, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from agents.agent import Agent
from agents.errors import Refusal
from agents.outputs import Outputs
from agents.shared.dealing import Dealing
from agents.shared.deciding import Deciding
from agents.shared.learning import Learning
from agents.shared.marks import Marks
from agents.shared.mixer import Mixer
from agents.shared.versions import Versions
from agents.state import State
from app.errors import RiverrunError
from app.worker.output.published import Published
from app.worker.state.followed import FollowedStore
from app.worker.state.layout import MODEL, POSITION, Row
from app.worker.state.log import StateLog
from app.worker.state.position import Position, SavedModel
from app.worker.state.reader import StateReader
from learners.saved import snapshots
from topics.records import Batch, Outgoing

AnyAgent = Agent | Learning | Deciding | Dealing
"""What does the work of a partition of a stage."""


class BatchMissing(RiverrunError):
    """A batch was lost between the consumer and the agent."""


@dataclass(slots=True)
class Change:
    """What one task adds to a transaction.

    Attributes:
        partition: Of the inputs, and of the state topic.
        offsets: By input topic: it is done up to here, exclusive.
        outputs: Predictions and dead letters, in order.
        state_topic: Where the state lies.
        state: Records for the state topic.
        events: How many input records this covers.
        written: The offset after the last record of the state, once the broker has it.
    """

    partition: int
    offsets: Mapping[str, int]
    outputs: list[Outputs]
    state_topic: str
    state: list[Row]
    events: int
    written: int | None = None

    def delivered(self, error: Any, message: Any) -> None:
        """The broker has the last record of the state, or has not got it."""
        self.written = None if error is not None else message.offset() + 1


@dataclass(slots=True)
class Task:
    """The agent of one partition, between two commits.

    Attributes:
        partition: Of the inputs.
        state_topic: Where its state is saved.
        agent: Does the work of the stage; the last one's owns the model.
        state: The keyed store.
        log: Turns its changes into records.
        offsets: By input topic: it is done up to here, exclusive.
        topic_ids: The ids of the inputs, where Kafka tells them.
        saved_model: What the state topic has; None where no model was saved yet.
        published: Outputs that are there already, and are not written again.
        since: See ``Position``.
        refused: Topics and offsets of what could not be learned; it becomes a dead letter.
        dirty: Whether there is anything to commit.
        events: How many records were processed since the last commit.
        dump_seconds: How long it took to write the model the last time.
        batches: How many came since it was restored.
        own_entries: The model and the position as they were saved last, which no agent has.
        next_offset: Of the state partition: all before it is what this task has saved.
        versions: Of the model that is learned here, for those who score with it.
        mixer: Its part in a model that all partitions mix; None where they do not.
    """

    partition: int
    state_topic: str
    agent: AnyAgent
    state: State
    log: StateLog
    offsets: dict[str, int]
    topic_ids: Mapping[str, str] = field(default_factory=dict)
    saved_model: SavedModel | None = None
    published: Published | None = None
    since: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    refused: dict[Refusal, Exception] = field(default_factory=dict)
    dump_seconds: float = 0.0
    dirty: bool = False
    events: int = 0
    batches: int = 0
    own_entries: dict[str, bytes] = field(default_factory=dict)
    next_offset: int | None = None
    versions: Versions | None = None
    mixer: Mixer | None = None
    _outputs: list[Outputs] = field(default_factory=list)
    _saved_version: int = -1
    _new_version: bytes | None = None
    _read_back: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.agent.model is not None:
            self._saved_version = self.agent.model.learned

    def process(self, batch: Batch) -> Outputs:
        """Score and learn a batch; its outputs wait for the next commit.

        Raises:
            BatchMissing: when a batch between the last one and this one never came.
            LearnRefused: when the learner failed; this task is void then.
        """
        if batch.number != self.batches:
            raise BatchMissing(
                f"{batch.topic}[{self.partition}]: batch {batch.number} came, "
                f"{self.batches} was expected"
            )
        self.batches += 1
        outputs = self.agent.process(batch, self.refused)
        self.offsets.update(batch.next_offsets)
        return self._noted(outputs, len(batch.records))

    def take_forwarded(self, forwarded: Any) -> Outputs:
        """As ``process``, for what the stage before has forwarded in memory."""
        return self._noted(self.agent.take(forwarded, self.refused), len(forwarded))

    def read_back(self, error: Any, message: Any) -> None:
        """The broker has a record that this task wrote to its own input, and need not read."""
        if error is None:
            self._read_back[message.topic()] = message.offset() + 1

    def add(self, outputs: Outputs) -> None:
        """More outputs, of what was processed already."""
        self._outputs.append(outputs)

    def pass_mark(self, mark: int, marks: Marks) -> None:
        """Say what was learned since the last mark, in the next transaction."""
        assert self.mixer is not None
        if (made := self.mixer.pass_mark(mark)) is None:
            return
        marks.hold(self.partition, made)
        record = Outgoing(marks.terms.topic, made.key, made.encode(), self.partition)
        self.add(Outputs(others=[record]))
        self.dirty = True

    def adopt(self) -> None:
        """Take over the model of all partitions; see ``Mixer.adopt``."""
        assert self.mixer is not None
        self.mixer.adopt()
        self._saved_version = -1  # it may have learned as many labels as before
        self.dirty = True

    def _noted(self, outputs: Outputs, events: int) -> Outputs:
        if self.published is not None:
            outputs = self.published.without(outputs)
        self._outputs.append(outputs)
        self.dirty = True
        self.events += events
        return outputs

    def drop_outputs(self) -> list[Outputs]:
        """Outputs since the last commit, which are not to be written."""
        outputs, self._outputs = self._outputs, []
        return outputs

    def take(self, key: bytes | None = None) -> Change:
        """Hand over all that came since the last call.

        Args:
            key: Signs the model's snapshot where it holds a pickle.
        """
        # What was delivered in the last transaction: offsets are known only after the position.
        self.offsets.update(self._read_back)
        self._read_back.clear()
        rows = self._save(key)
        change = Change(
            self.partition, dict(self.offsets), self._outputs, self.state_topic, rows, self.events
        )
        self._outputs, self.events, self.dirty = [], 0, False
        return change

    def committed(self, change: Change) -> None:
        """What ``take`` handed over last is on Kafka."""
        self.next_offset = change.written
        if self.versions is not None:
            self.versions.hear(self.partition)
            if self._new_version is not None:
                self.versions.take(self._new_version, self.partition)
        self._new_version = None

    def release(self) -> StateReader | None:
        """The state, to be followed from behind what this task has written; the task ends.

        None where Kafka does not have all that is in it.
        """
        released = None if self.dirty else self.state.release()
        if released is None or self.next_offset is None:
            return None
        store, views = released
        for key, value in self.own_entries.items():
            store[key] = value
        place = f"{self.state_topic}[{self.partition}]"
        reader = StateReader(FollowedStore(store, views), place)
        reader.go_on(self.next_offset, self.log.inventory, self.state.checksum)
        return reader

    def _save(self, key: bytes | None) -> list[Row]:
        """What has changed; the position last, since it says what all the rest must be."""
        self.agent.save()
        rows = self.log.rows(self.state.changes()) + self._saved_model(key)
        encoded = self.own_entries[POSITION] = self._position().encode()
        rows += self.log.large(POSITION, encoded)
        return rows

    def _position(self) -> Position:
        published = self.published.ranges(self.offsets) if self.published else {}
        return Position(
            self.offsets,
            self.topic_ids,
            self.saved_model,
            self.state.checksum,
            published,
            self.since,
            self.log.extent,
        )

    def _saved_model(self, key: bytes | None) -> list[Row]:
        """The model, where it has learned since it was saved the last time."""
        model = self.agent.model
        if model is None or model.learned == self._saved_version:
            return []
        started = perf_counter()
        snapshot = snapshots.dump(model, dict(self.offsets), key=key)
        self.own_entries[MODEL] = snapshot
        rows = self.log.large(MODEL, snapshot)
        self.saved_model = SavedModel(model.learned, self.log.sha256(MODEL, snapshot))
        self._saved_version = model.learned
        self._new_version = snapshot
        self.dump_seconds = perf_counter() - started
        return rows
