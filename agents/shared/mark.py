"""What a partition says at a mark, as it lies on the marks topic."""

from __future__ import annotations

from typing import Any

import msgspec

from agents.packing import pack, unpacker

LAYOUT = 1
"""Of a mark. A worker refuses one of another layout."""

RING = 8
"""Of so many marks in a row each has a key of its own, so compaction leaves at least these. No
partition needs older ones: none is more than two marks ahead of another."""


class MarkUnreadable(ValueError):
    """A record of the marks topic that no worker of this version has written."""


class Mark(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a partition says when it passes marks.

    Marks are counted in lengths of ``learner.mark`` since 1970, in the time of the events.

    Attributes:
        layout: Of this record.
        scheme: A digest of the learner and the length of a mark.
        origin: The fingerprint of the model that all partitions began with.
        partitions: How many the pipeline has.
        number: Counts the marks of this partition, from 0.
        since: The mark that it had passed before; None for the first.
        mark: The one that it passes; it passes all in between too.
        total: Labels that this partition has learned by itself so far.
        change: What it has learned since `since`, encoded; None for nothing.
    """

    layout: int
    scheme: str
    origin: str
    partitions: int
    number: int
    since: int | None
    mark: int
    total: int
    change: bytes | None

    @property
    def interval(self) -> int:
        """The mark at the end of which the change was learned."""
        return self.mark if self.since is None else self.since + 1

    @property
    def key(self) -> bytes:
        """Of the record."""
        return b"%d" % (self.number % RING)

    def encode(self) -> bytes:
        """The value of the record."""
        return pack(self)

    @classmethod
    def decode(cls, value: bytes) -> Mark:
        """What was encoded.

        Raises:
            MarkUnreadable: when it is no mark, or of another layout.
        """
        try:
            layout: Any = _layout(value)[0]
            if layout == LAYOUT:
                mark: Mark = _unpack(value)
                return mark
        except (msgspec.MsgspecError, IndexError, TypeError) as error:
            raise MarkUnreadable(f"no mark: {error}") from error
        raise MarkUnreadable(f"a mark of layout {layout}; this version of riverrun reads {LAYOUT}")


_layout, _unpack = unpacker(list[Any]), unpacker(Mark)
