"""What an agent is to those who run it, and what it gives for a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from agents.errors import Refusal
from agents.forwarded import Forwarded
from agents.labels.counts import JoinCounts
from agents.operations import Operations
from learners.model import Model
from topics.records import Batch, Outgoing

Pair = tuple[bytes | None, bytes]
"""Key and value of a prediction."""

Refused = Mapping[Refusal, Exception]
"""What could not be learned, and why."""


@dataclass(slots=True)
class Outputs:
    """What a batch gave.

    Attributes:
        predictions: Keys and values, in the order of the events.
        dead_letters: One for each record that was set aside.
        learned: How many events were learned.
        others: Alerts and metrics, and records for the next stage.
        forwarded: What goes to the next stage, before it is records.
    """

    predictions: list[Pair] = field(default_factory=list)
    dead_letters: list[Outgoing] = field(default_factory=list)
    learned: int = 0
    others: list[Outgoing] = field(default_factory=list)
    forwarded: Forwarded | None = None


class Agent(Protocol):
    """The agent of one partition of a stage."""

    @property
    def model(self) -> Model | None:
        """What learns here; None in a stage before the last."""

    @property
    def labels(self) -> JoinCounts | None:
        """What happened here to labels; None where none come."""

    def process(self, batch: Batch, refused: Refused) -> Outputs:
        """Do the work of the stage on the records of ``batch``, one after another.

        Args:
            batch: Records of this agent's partition, in order.
            refused: What could not be learned before; it is set aside.

        Raises:
            LearnRefused: when the learner fails while it learns. The agent is void then.
        """

    def take(self, operations: Operations, refused: Refused) -> Outputs:
        """As ``process``, for what the stage before has forwarded in memory."""

    def save(self) -> None:
        """Put what has changed into the state; called before each commit."""
