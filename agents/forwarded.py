"""What one stage forwards to the next, in memory and on Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from agents.forwarded_block import encoded
from agents.operations import Operations
from learners.engine.kernels import Ints
from topics.records import Outgoing

PartitionsOf = Callable[[Sequence[str]], Sequence[int]]
"""The partitions of keys, as a producer chooses them."""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """Operations on their way to the next stage.

    Attributes:
        topic: Between the two stages.
        keys: What each is keyed by there, as a text.
        operations: In the order in which they happen.
    """

    topic: str
    keys: Sequence[str]
    operations: Operations

    def __len__(self) -> int:
        return len(self.operations)

    @staticmethod
    def divided(parts: Sequence[Forwarded], to: PartitionsOf) -> Iterator[tuple[int, Operations]]:
        """The partitions of the topic, in the order in which each has its first operation.

        Args:
            parts: Of one round.
            to: The partitions of keys.
        """
        operations = Operations.joined([part.operations for part in parts])
        order = np.argsort(operations.places, kind="stable")
        chosen = np.array(to([key for part in parts for key in part.keys]))[order]
        for partition in dict.fromkeys(chosen.tolist()):
            yield partition, operations.take(order[chosen == partition])


def outgoing(
    topic: str,
    partition: int,
    operations: Operations,
    *,
    span: int | None = None,
    most: int | None = None,
) -> Iterator[Outgoing]:
    """The records that are written where the next stage is another worker's.

    Args:
        topic: Between the two stages.
        partition: Of it.
        operations: In the order in which they happen.
        span: Milliseconds: no record has operations from both sides of a multiple; None: any may.
        most: Operations that a record may have; None for as many as fit.
    """
    places = operations.places.tolist()
    for within in np.split(np.arange(len(operations)), _cuts(operations.times, span)):
        for at, value in encoded(operations.take(within), most):
            yield Outgoing(topic, None, value, partition, place=places[within[0] + at.start])


def _cuts(times: Ints, span: int | None) -> Ints:
    """Where the time passes a multiple of the span; it never goes back."""
    if span is None:
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.diff(np.maximum.accumulate(times) // span)) + 1
