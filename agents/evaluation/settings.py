"""How a partition is evaluated."""

from __future__ import annotations

from dataclasses import dataclass

from agents.shares import share
from topics.times import DAY

PARTS = 10
"""Of a window: once in each, the windows that are still open are evaluated by what is known."""


@dataclass(frozen=True, slots=True)
class EvaluatorSettings:
    """How a partition is evaluated. All times in milliseconds.

    Attributes:
        partition: Its number.
        window: Length of a window; windows begin at multiples of it since 1970.
        k: Places in each window, of all partitions together.
        entity: The field of the entities, None: no card precision, and every event is one.
        amount: The field of the money, None: no money.
        fee: Money that it costs to look at an entity.
        expire: After so long a label is awaited no more; 0 where labels come with their events.
        remember: So long after its window, a detected entity is left out of the places.
        partitions: How many share the places.
    """

    partition: int
    window: int = DAY
    k: int = 100
    entity: str | None = None
    amount: str | None = None
    fee: float = 1.0
    expire: int = 30 * DAY
    remember: int = 365 * DAY
    partitions: int = 1

    def places(self, start: int) -> int:
        """The places of this partition in the window that starts then; see `share`."""
        return share(self.k, self.partition, self.partitions, start // self.window)
