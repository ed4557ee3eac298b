"""Merges partitions of topics by the time of their records.

As in Kafka Streams: the record with the smallest time at the head of its partition comes next,
once every other partition has one too, or is at its end and has been so for a while. What is on
Kafka already is therefore always read in the same order, however it arrives.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heapreplace
from math import inf
from time import monotonic
from typing import Any, Generic, TypeVar

FULL = 100_000
"""Events and labels that may wait in one merge. A partition that has its share of them is read no
further until a quarter of the share is left."""

K = TypeVar("K")


def record_time(record: Any) -> int:
    """Of a record, in milliseconds since 1970."""
    time: int = record.timestamp()[1]
    return time


def one(_: Any) -> int:
    """How many events or labels a record of an input has."""
    return 1


@dataclass(slots=True)
class Input:
    """The records of one partition that were not passed on yet.

    Attributes:
        waiting: The records, in the order of their offsets.
        size: Of the records: how many events and labels they have.
        least: A record of an earlier time counts as one of this time.
        at_end: Since when the partition has no more; None where it has, or this is not known.
        paused: Whether it is read no further for now.
    """

    waiting: deque[Any] = field(default_factory=deque)
    size: int = 0
    least: int = 0
    at_end: float | None = None
    paused: bool = False


class Merge(Generic[K]):
    """Some partitions that are read as one.

    Args:
        keys: Of the partitions; an earlier one goes first among records of the same time.
        max_idle: Seconds for which a partition that is at its end is still waited for.
        span: Milliseconds: what is taken at once lies between two multiples of it; None: any.
        time: Of a record, in milliseconds since 1970.
        size: Of a record: how many events and labels it has.

    Attributes:
        mark: The number of the multiple that all that was taken last lies behind; None without
            `span`. It never falls: what comes too late counts as if it came just in time.

    >>> from confluent_kafka import Message
    >>> def record(topic, time): return Message(topic=topic, offset=time, timestamp=(1, time))
    >>> merge = Merge(["events", "labels"], 0.0)
    >>> merge.add("events", [record("events", 1), record("events", 5)])
    >>> merge.take(10)
    []
    >>> merge.add("labels", [record("labels", 2)])
    >>> [(r.topic(), r.offset()) for r in merge.take(10)]
    [('events', 1), ('labels', 2)]
    >>> merge.reached_end("labels")
    >>> [(r.topic(), r.offset()) for r in merge.take(10)]
    [('events', 5)]
    """

    def __init__(
        self,
        keys: Sequence[K],
        max_idle: float,
        span: int | None = None,
        time: Callable[[Any], int] = record_time,
        size: Callable[[Any], int] = one,
    ) -> None:
        self.keys = tuple(keys)
        self._inputs = {key: Input() for key in keys}
        self._max_idle = max_idle
        self._span = span
        self._time = time
        self._size = size
        self.mark = None if span is None else 0

    def add(self, key: K, records: Sequence[Any]) -> None:
        """Take records in, in the order of their offsets."""
        inp = self._inputs[key]
        inp.waiting.extend(records)
        inp.size += sum(map(self._size, records))
        inp.at_end = None

    def reached_end(self, key: K) -> None:
        """Note that a partition has no more records than were added."""
        self._inputs[key].at_end = monotonic()

    def take(self, limit: int) -> list[Any]:
        """Records whose turn it is, until they have ``limit`` events and labels, or more."""
        taken: list[Any] = []
        left = limit
        inputs = list(self._inputs.values())
        heads = [(self._head(inp), place) for place, inp in enumerate(inputs) if inp.waiting]
        if len(heads) < len(inputs) and not self._may_go_on():
            return taken
        heapify(heads)
        end = self._end(heads[0][0]) if heads else inf
        while heads and left > 0:
            time, place = heads[0]
            if time >= end:
                break
            inp = inputs[place]
            taken.append(inp.waiting.popleft())
            left -= (size := self._size(taken[-1]))
            inp.size -= size
            if inp.waiting:
                heapreplace(heads, (self._head(inp), place))
            else:
                heappop(heads)
                if not self._may_go_on():
                    break
        return taken

    def begin(self, key: K, least: int) -> None:
        """Let records of a partition before this time count as if they were of it."""
        self._inputs[key].least = least

    @property
    def ended(self) -> bool:
        """Whether nothing waits, and all partitions have been at their end for long enough."""
        return not any(inp.waiting for inp in self._inputs.values()) and self._may_go_on()

    def wait(self) -> float | None:
        """Seconds until a waiting record's turn may come by itself; None: not by itself."""
        idle = [inp.at_end for inp in self._inputs.values() if not inp.waiting]
        if not idle:
            return 0.0
        if None in idle or len(idle) == len(self._inputs):
            return None
        return max(0.0, max(at for at in idle if at is not None) + self._max_idle - monotonic())

    def to_pause(self) -> list[K]:
        """What is to be read no further; it counts as paused from now on."""
        share = FULL // len(self._inputs)
        return self._turned(lambda inp: not inp.paused and inp.size >= share)

    def to_resume(self) -> list[K]:
        """What is to be read again; it counts as such from now on."""
        few = FULL // len(self._inputs) // 4
        return self._turned(lambda inp: inp.paused and inp.size <= few)

    def _turned(self, which: Callable[[Input], bool]) -> list[K]:
        found = [key for key, inp in self._inputs.items() if which(inp)]
        for key in found:
            self._inputs[key].paused ^= True
        return found

    def _end(self, first: int) -> float:
        """The time before which all must lie that is taken with a record of this time."""
        if self._span is None or self.mark is None:
            return inf
        self.mark = max(self.mark, first // self._span)
        return (self.mark + 1) * self._span

    def _head(self, inp: Input) -> int:
        """The time of the next record."""
        return max(inp.least, self._time(inp.waiting[0]))

    def _may_go_on(self) -> bool:
        """Whether what is empty is known to have ended long enough ago."""
        now = monotonic()
        return all(
            inp.waiting or (inp.at_end is not None and now >= inp.at_end + self._max_idle)
            for inp in self._inputs.values()
        )
