"""What is to be done is counted in records: a marker at the end of a partition is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from app.kafka.backlog import COUNTED, Backlog


class Topic:
    """A reader of a topic whose records lie at some offsets; it notes what it must read."""

    def __init__(self, records: dict[int, list[int]], ends: dict[int, int]) -> None:
        self.records = records
        self.end = ends
        self.done: dict[int, int | None] = dict.fromkeys(ends)
        self.read: list[dict[int, int]] = []

    def committed(self, topic: str) -> dict[int, int | None]:
        return self.done

    def ends(self, topic: str) -> dict[int, int]:
        return self.end

    def count(self, topic: str, begin: Mapping[int, int]) -> dict[int, int]:
        self.read.append(dict(begin))
        return {n: sum(at >= start for at in self.records[n]) for n, start in begin.items()}


def test_a_partition_with_only_a_marker_left_is_done_and_is_read_once() -> None:
    topic = Topic({0: [0, 1, 2], 1: [0, 1, 2]}, {0: 4, 1: 4})
    topic.done = {0: 3, 1: 1}
    backlog = Backlog(cast(Any, topic))
    for _ in range(2):
        assert backlog.of("events", {0: 0, 1: 0}).records == {0: 0, 1: 2}
    assert topic.read == [{0: 3, 1: 1}]
    topic.done = {0: 3, 1: 3}
    assert backlog.of("events", {0: 0, 1: 0}).lag == 0


def test_where_much_is_left_offsets_are_taken_unread() -> None:
    topic = Topic({0: []}, {0: COUNTED + 1})
    assert Backlog(cast(Any, topic)).of("events", {0: 0}).lag == COUNTED + 1
    assert topic.read == []
