"""A partition of a topic, as a key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class TP(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]"


def partitions_of(tps: Iterable[TP]) -> list[int]:
    """The partition numbers, ascending."""
    return sorted(tp.partition for tp in tps)
