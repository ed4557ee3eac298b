"""A task: the agent of one input partition, its state, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter

import msgpack

from agents.score import Outputs, Score
from agents.state import State
from app.errors import RiverrunError
from app.worker.state_topic import Row, StateLog
from learners import snapshots
from topics.records import Batch


class BatchMissing(RiverrunError):
    """A batch was lost between the consumer and the agent."""


MODEL = "model"
POSITION = "position"


def encode_position(topic: str, offset: int) -> bytes:
    """The entry that says up to where the state has learned; ``decode_position`` reads it."""
    encoded: bytes = msgpack.packb({topic: offset})
    return encoded


def decode_position(value: bytes | None) -> dict[str, int]:
    """Offset by topic; empty for a state that was never written."""
    return dict(msgpack.unpackb(value)) if value is not None else {}


@dataclass(slots=True)
class Change:
    """What one task adds to a transaction.

    Attributes:
        topic: Of the input.
        partition: Of the input, and of the state topic.
        offset: The input is done up to here, exclusive.
        outputs: Predictions and dead letters, in order.
        state: Records for the state topic.
        events: How many input records this covers.
    """

    topic: str
    partition: int
    offset: int
    outputs: list[Outputs]
    state: list[Row]
    events: int


@dataclass(slots=True)
class Task:
    """The agent of one partition, between two commits.

    Attributes:
        topic, partition: The input.
        agent: Scores and learns; owns the model.
        state: The keyed store.
        log: Turns its changes into records.
        epoch: The assignment in which it was restored.
        offset: The input is done up to here, exclusive.
        refused: Offsets whose learning failed; they become dead letters.
        dirty: Whether there is anything to commit.
        events: How many records were processed since the last commit.
        dump_seconds: How long it took to write the model the last time.
    """

    topic: str
    partition: int
    agent: Score
    state: State
    log: StateLog
    epoch: int
    offset: int
    refused: Mapping[int, Exception] = field(default_factory=dict)
    dump_seconds: float = 0.0
    dirty: bool = False
    events: int = 0
    _outputs: list[Outputs] = field(default_factory=list)
    _batches: int = 0
    _saved_version: int = -1

    def __post_init__(self) -> None:
        self._saved_version = self.agent.model.learned

    def process(self, batch: Batch) -> Outputs:
        """Score and learn a batch; its outputs wait for the next commit.

        Raises:
            BatchMissing: when a batch between the last one and this one never came.
            LearnRefused: when the learner failed; this task is void then.
        """
        if batch.number != self._batches:
            raise BatchMissing(
                f"{self.topic}[{self.partition}]: batch {batch.number} came, "
                f"{self._batches} was expected"
            )
        self._batches += 1
        outputs = self.agent.process(batch, self.refused)
        self._outputs.append(outputs)
        self.dirty = True
        self.events += len(batch.records)
        self.offset = batch.next_offset
        return outputs

    def take(self, key: bytes | None = None) -> Change:
        """Hand over all that came since the last call.

        Args:
            key: Signs the model's snapshot where it holds a pickle.
        """
        self._save(key)
        rows = self.log.rows(self.state.changes())
        change = Change(self.topic, self.partition, self.offset, self._outputs, rows, self.events)
        self._outputs, self.events, self.dirty = [], 0, False
        return change

    def _save(self, key: bytes | None) -> None:
        started = perf_counter()
        model = self.agent.model
        if model.learned != self._saved_version:
            snapshot = snapshots.dump(model, {self.topic: self.offset}, key=key)
            self.state.put(MODEL, snapshot)
            self._saved_version = model.learned
        self.state.put(POSITION, encode_position(self.topic, self.offset))
        self.dump_seconds = perf_counter() - started
