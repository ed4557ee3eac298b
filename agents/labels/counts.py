"""What happened to the labels of a partition, counted in its state."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import msgspec

from agents import state_keys
from agents.state import State

KEY = state_keys.LABEL_COUNTS
"""Of the counts in the state."""

_OF_NOW = ("waiting", "unmatched")


ENOUGH_LABELS = 100
"""Labels before a share is looked at."""


class LabelShare(NamedTuple):
    """How many labels `met` their event, `of` how many; one for each event."""

    met: int
    of: int

    @property
    def is_small(self) -> bool:
        """Whether most labels are elsewhere than their events."""
        return self.of >= ENOUGH_LABELS and self.met < self.of / 2


@dataclass(slots=True)
class JoinCounts:
    """What happened to labels. `waiting` and `unmatched` are those of now; the others count
    since the partition's state began.

    Attributes:
        waiting: Events that have no label.
        unmatched: Labels that wait for their event.
        learned: Labels that found their event, early ones too.
        early: Labels that had come before their event.
        doubled: Labels that said what was known.
        corrected: Labels that took the place of another one.
        expired: Events that got no label in time.
        unknown: Labels whose event did not come in time: dead letters.
        expired_time: When the last of the expired events was, in milliseconds since 1970.
        expired_at: The time of the stream when it expired.
    """

    waiting: int = 0
    unmatched: int = 0
    learned: int = 0
    early: int = 0
    doubled: int = 0
    corrected: int = 0
    expired: int = 0
    unknown: int = 0
    expired_time: int = 0
    expired_at: int = 0

    @property
    def homeless(self) -> int:
        """Labels that found no event: those that wait for one, and those that waited in vain."""
        return self.unmatched + self.unknown

    @property
    def share(self) -> LabelShare:
        """How many of the labels found their event."""
        return LabelShare(self.learned, self.learned + self.homeless)

    def add(self, other: JoinCounts) -> None:
        """Count what happened to the labels of another partition as well."""
        times = (other.expired_at, other.expired_time)
        latest = max((self.expired_at, self.expired_time), times)
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))
        self.expired_at, self.expired_time = latest

    def save(self, state: State) -> None:
        """Put what has changed into the state."""
        packed = msgspec.msgpack.encode(
            {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _OF_NOW}
        )
        if packed != state.get(KEY):
            state.put(KEY, packed)


def restored(saved: bytes | None) -> JoinCounts:
    """The counts of a state, without those of now; all are 0 where nothing was saved."""
    return (
        JoinCounts(**msgspec.msgpack.decode(saved, type=dict[str, int])) if saved else JoinCounts()
    )
