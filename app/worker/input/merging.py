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
from time import monotonic
from typing import Any, Generic, TypeVar

FULL = 100_000
"""Records that may wait in one merge. A partition that has its share of them is read no further
until a quarter of the share is left."""

K = TypeVar("K")


@dataclass(slots=True)
class Input:
    """The records of one partition that were not passed on yet.

    Attributes:
        waiting: The records, in the order of their offsets.
        at_end: Since when the partition has no more; None where it has, or this is not known.
        paused: Whether it is read no further for now.
    """

    waiting: deque[Any] = field(default_factory=deque)
    at_end: float | None = None
    paused: bool = False


class Merge(Generic[K]):
    """Some partitions that are read as one.

    Args:
        keys: Of the partitions; an earlier one goes first among records of the same time.
        max_idle: Seconds for which a partition that is at its end is still waited for.

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

    def __init__(self, keys: Sequence[K], max_idle: float) -> None:
        self.keys = tuple(keys)
        self._inputs = {key: Input() for key in keys}
        self._max_idle = max_idle

    def add(self, key: K, records: Sequence[Any]) -> None:
        """Take records in, in the order of their offsets."""
        inp = self._inputs[key]
        inp.waiting.extend(records)
        inp.at_end = None

    def reached_end(self, key: K) -> None:
        """Note that a partition has no more records than were added."""
        self._inputs[key].at_end = monotonic()

    def take(self, limit: int) -> list[Any]:
        """At most ``limit`` records whose turn it is."""
        taken: list[Any] = []
        inputs = list(self._inputs.values())
        heads = [(_time(inp), place) for place, inp in enumerate(inputs) if inp.waiting]
        if len(heads) < len(inputs) and not self._may_go_on():
            return taken
        heapify(heads)
        while heads and len(taken) < limit:
            _, place = heads[0]
            inp = inputs[place]
            taken.append(inp.waiting.popleft())
            if inp.waiting:
                heapreplace(heads, (_time(inp), place))
            else:
                heappop(heads)
                if not self._may_go_on():
                    break
        return taken

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
        return self._turned(lambda inp: not inp.paused and len(inp.waiting) >= share)

    def to_resume(self) -> list[K]:
        """What is to be read again; it counts as such from now on."""
        few = FULL // len(self._inputs) // 4
        return self._turned(lambda inp: inp.paused and len(inp.waiting) <= few)

    def _turned(self, which: Callable[[Input], bool]) -> list[K]:
        found = [key for key, inp in self._inputs.items() if which(inp)]
        for key in found:
            self._inputs[key].paused ^= True
        return found

    def _may_go_on(self) -> bool:
        """Whether what is empty is known to have ended long enough ago."""
        now = monotonic()
        return all(
            inp.waiting or (inp.at_end is not None and now >= inp.at_end + self._max_idle)
            for inp in self._inputs.values()
        )


def _time(inp: Input) -> int:
    """Of the next record, in milliseconds since 1970."""
    time: int = inp.waiting[0].timestamp()[1]
    return time
