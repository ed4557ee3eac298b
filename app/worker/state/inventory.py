"""Which records the topic of a state has of one partition."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from agents.entries import Part


class Logged(NamedTuple):
    """A record of the log.

    Attributes:
        size: Its bytes.
        swept: How far the base was written when it was.
    """

    size: int
    swept: int


class Extent(NamedTuple):
    """Which records of log and base belong to a position.

    Attributes:
        first: The oldest record of the log.
        end: The number that the next one gets.
        pieces: How many records the base has.
        swept: See ``Inventory``.
    """

    first: int = 0
    end: int = 0
    pieces: int = 0
    swept: int = 0


NOTHING = Extent()


@dataclass(slots=True)
class Inventory:
    """The records of a partition that count.

    Attributes:
        logs: By number, the oldest one first.
        end: The number of the next record of the log.
        pieces: Of the base; their bytes by what they cover.
        large: How many chunks each large value has; 0 where it is one record.
        swept: How far the base was written, as a CRC-32 of keys; each whole round adds 2^32.
    """

    logs: dict[int, Logged] = field(default_factory=dict)
    end: int = 0
    pieces: dict[Part, int] = field(default_factory=dict)
    large: dict[str, int] = field(default_factory=dict)
    swept: int = 0

    @property
    def extent(self) -> Extent:
        """What a position says of it."""
        return Extent(next(iter(self.logs), self.end), self.end, len(self.pieces), self.swept)

    def add_piece(self, part: Part, size: int) -> list[Part]:
        """A record of the base was written; returns those that it supersedes.

        The parts are written in order, round and round. So of earlier rounds all is covered
        that ends where this part does, or within it.
        """
        old = [each for each in self.pieces if part.first < each.end <= part.end]
        for each in old:
            del self.pieces[each]
        self.pieces[part] = size
        return [each for each in old if each != part]

    def become(self, extent: Extent) -> None:
        """Take for right what a position says.

        A standby that was late may have missed that a record was deleted.
        """
        self.end, self.swept = extent.end, extent.swept
        for number in [n for n in self.logs if not extent.first <= n < extent.end]:
            del self.logs[number]
