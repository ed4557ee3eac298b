"""Merges the partitions of several topics by the time of their records.

As in Kafka Streams: the record with the smallest time at the head of its partition comes next,
once every other partition has one too, or is at its end and has been so for a while. What is on
Kafka already is therefore always read in the same order, however it arrives.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

FULL = 50_000
"""Records of one partition that may wait for those of another, before it is read no further."""

EMPTY = FULL // 4
"""It is read again when so few are left."""


@dataclass(slots=True)
class Input:
    """The records of one partition that were not passed on yet.

    Attributes:
        topic: Where they come from.
        waiting: The records, in the order of their offsets.
        at_end: Since when the partition has no more; None where it has, or this is not known.
        paused: Whether it is read no further for now.
    """

    topic: str
    waiting: deque[Any] = field(default_factory=deque)
    at_end: float | None = None
    paused: bool = False

    @property
    def time(self) -> int:
        """Of the next record, in milliseconds since 1970."""
        time: int = self.waiting[0].timestamp()[1]
        return time


class Merge:
    """One partition of co-partitioned topics.

    Args:
        topics: The first one goes first among records of the same time.
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

    def __init__(self, topics: Sequence[str], max_idle: float) -> None:
        self.inputs = {topic: Input(topic) for topic in topics}
        self._max_idle = max_idle

    def add(self, topic: str, records: Sequence[Any]) -> None:
        """Take records in, in the order of their offsets."""
        inp = self.inputs[topic]
        inp.waiting.extend(records)
        inp.at_end = None

    def reached_end(self, topic: str) -> None:
        """Note that a partition has no more records than were added."""
        self.inputs[topic].at_end = monotonic()

    def take(self, limit: int) -> list[Any]:
        """At most ``limit`` records whose turn it is."""
        taken: list[Any] = []
        inputs = list(self.inputs.values())
        while len(taken) < limit:
            ready = [inp for inp in inputs if inp.waiting]
            if not ready or (len(ready) < len(inputs) and not self._may_go_on(inputs)):
                break
            first = min(ready, key=_time)
            until = min((inp.time for inp in ready if inp is not first), default=None)
            strictly = inputs.index(first) > 0
            _move(first, taken, limit, until, strictly=strictly)
        return taken

    def wait(self) -> float | None:
        """Seconds until a waiting record's turn may come by itself; None: not by itself."""
        idle = [inp.at_end for inp in self.inputs.values() if not inp.waiting]
        if not idle:
            return 0.0
        if None in idle or len(idle) == len(self.inputs):
            return None
        return max(0.0, max(at for at in idle if at is not None) + self._max_idle - monotonic())

    def to_pause(self) -> list[str]:
        """Topics that are to be read no further; they count as paused from now on."""
        full = [i for i in self.inputs.values() if not i.paused and len(i.waiting) >= FULL]
        for inp in full:
            inp.paused = True
        return [inp.topic for inp in full]

    def to_resume(self) -> list[str]:
        """Topics that are to be read again; they count as such from now on."""
        room = [i for i in self.inputs.values() if i.paused and len(i.waiting) <= EMPTY]
        for inp in room:
            inp.paused = False
        return [inp.topic for inp in room]

    def _may_go_on(self, inputs: Sequence[Input]) -> bool:
        now = monotonic()
        return all(
            inp.waiting or (inp.at_end is not None and now >= inp.at_end + self._max_idle)
            for inp in inputs
        )


def _time(inp: Input) -> int:
    return inp.time


def _move(inp: Input, taken: list[Any], limit: int, until: int | None, *, strictly: bool) -> None:
    """Move the records up to the time ``until``; at least one."""
    waiting = inp.waiting
    taken.append(waiting.popleft())
    while waiting and len(taken) < limit:
        time = waiting[0].timestamp()[1]
        if until is not None and (time > until or (strictly and time == until)):
            return
        taken.append(waiting.popleft())
