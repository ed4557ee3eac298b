"""The way of a batch through a stage, from left to right: a source, entities, a sink.

The source reads records (`agents.sources`). Where labels are keyed by the ids of their events, the
last stage joins what it reads (`agents.labels.forwarded_join`). The entities add features of the
past (`agents.entities`); most stages have none. The sink forwards all of it to the next stage, or
scores and learns (`agents.sinks`). What cannot be used leaves this way as `Rejected`. A pipeline
whose events bring their labels and all features has one stage and no entities: it goes the same
way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from agents.entities.entities import Entities
from agents.labels.counts import JoinCounts
from agents.labels.forwarded_join import ForwardedJoin
from agents.operations import Operations
from agents.outputs import NOTHING_REFUSED, Outputs, Refused
from agents.rejected import Rejected
from learners.model import Model
from topics.dead_letters import dead_letter
from topics.records import Batch


class OperationSource(Protocol):
    """Where operations come from."""

    @property
    def labels(self) -> JoinCounts | None:
        """What happened here to labels; None where none come."""

    def read(self, batch: Batch) -> tuple[Operations, list[Rejected]]:
        """From records to what happens by them, in order."""

    def save(self) -> None:
        """Put what has changed into the state."""

    def warm_up(self) -> None:
        """Compile whatever the first batch would have to wait for."""


class OperationSink(Protocol):
    """Where operations go to."""

    @property
    def model(self) -> Model | None:
        """What learns here, if anything does."""

    def admit(self, operations: Operations) -> tuple[Operations, list[Rejected]]:
        """What the sink can take; asked before features are added."""

    def process(self, operations: Operations, refused: Refused) -> tuple[Outputs, list[Rejected]]:
        """Take them in; see ``Agent.process``."""

    def save(self) -> None:
        """Put what has changed into the state, the model apart."""

    def warm_up(self) -> None:
        """Compile whatever the first batch would have to wait for, the model apart."""


class Agent:
    """The agent of one partition of a stage.

    Args:
        source: Reads records.
        entities: Adds features; without tables where this stage adds none.
        sink: Where all goes on to.
        dead_letters: The topic for what is set aside.
        join: Of labels that the stage before has forwarded; None where none are.

    Attributes:
        sink: Where all goes on to.
    """

    def __init__(
        self,
        source: OperationSource,
        entities: Entities,
        sink: OperationSink,
        dead_letters: str,
        join: ForwardedJoin | None = None,
    ) -> None:
        self._source = source
        self._entities = entities
        self.sink = sink
        self._dead_letters = dead_letters
        self._join = join

    @property
    def model(self) -> Model | None:
        """What learns here; None in a stage before the last."""
        return self.sink.model

    @property
    def labels(self) -> JoinCounts | None:
        """What happened here to labels; None where none come."""
        return self._source.labels if self._join is None else self._join.counts

    def warm_up(self) -> None:
        """Compile whatever the first batch would have to wait for, the model apart."""
        self._source.warm_up()
        if self._join is not None:
            self._join.warm_up()
        self._entities.warm_up()
        self.sink.warm_up()

    def save(self) -> None:
        """Put what has changed into the state; called before each commit."""
        self._source.save()
        if self._join is not None:
            self._join.save()
        self._entities.save()
        self.sink.save()

    def process(self, batch: Batch, refused: Refused = NOTHING_REFUSED) -> Outputs:
        """Do the work of the stage on the records of ``batch``, one after another.

        Args:
            batch: Records of this agent's partition, in order.
            refused: What could not be learned before; it is set aside.

        Raises:
            LearnRefused: when the learner fails while it learns. The agent is void then.
        """
        operations, rejected = self._source.read(batch)
        return self._run(operations, rejected, refused)

    def take(self, operations: Operations, refused: Refused = NOTHING_REFUSED) -> Outputs:
        """As ``process``, for what the stage before has forwarded in memory."""
        return self._run(operations, [], refused)

    def _run(
        self, operations: Operations, rejected: Iterable[Rejected], refused: Refused
    ) -> Outputs:
        unmatched: list[Rejected] = []
        if self._join is not None:
            operations, unmatched = self._join.apply(operations)
        operations, unkeyed = self.sink.admit(operations)
        operations, unusable = self._entities.apply(operations)
        outputs, others = self.sink.process(operations, refused)
        outputs.dead_letters += [
            dead_letter(self._dead_letters, *each)
            for each in (*rejected, *unmatched, *unkeyed, *unusable, *others)
        ]
        return outputs
