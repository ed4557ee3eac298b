"""Who would get which partitions, and what happens to those who are gone."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import combinations

import pytest
from confluent_kafka import KafkaError, KafkaException

from app.worker.state.neighbours import Neighbours, would_get


def range_assignor(members: Sequence[int], partitions: int) -> dict[int, list[int]]:
    """As Kafka documents it, one partition after another."""
    each, rest = divmod(partitions, len(members))
    left = iter(range(partitions))
    return {m: [next(left) for _ in range(each + (i < rest))] for i, m in enumerate(members)}


@pytest.mark.parametrize("partitions", [1, 4, 7])
@pytest.mark.parametrize("members", [1, 2, 3, 5])
@pytest.mark.parametrize("standbys", [0, 1, 2])
def test_a_member_follows_all_that_it_can_get_and_nothing_else(
    members: int, partitions: int, standbys: int
) -> None:
    for place in range(members):
        expected: set[int] = set()
        others = [m for m in range(members) if m != place]
        for count in range(min(standbys, members - 1) + 1):
            for gone in combinations(others, count):
                left = [m for m in range(members) if m not in gone]
                expected.update(range_assignor(left, partitions)[place])
        assert would_get(place, members, partitions, standbys) == expected


class Seen:
    """A group that answers as it is told, one answer after another; the last one stays."""

    def __init__(self, *answers: Sequence[str] | Exception | None) -> None:
        self._answers = list(answers)

    def names(self) -> Sequence[str] | None:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Looking:
    """Neighbours, and what they did."""

    def __init__(self, *answers: Sequence[str] | Exception | None) -> None:
        self.fenced: list[str] = []
        self.followed: list[frozenset[int]] = []
        self._looked = threading.Event()
        self.neighbours = Neighbours(
            Seen(*answers),
            "p/a",
            "p/",
            fence=self.fence,
            follow=self._follow,
            partitions=2,
            standbys=1,
        )

    def fence(self, name: str) -> None:
        self.fenced.append(name)

    def _follow(self, partitions: frozenset[int]) -> None:
        self.followed.append(partitions)
        self._looked.set()

    def rebalance(self) -> None:
        self._looked.clear()
        self.neighbours.assigned()
        assert self._looked.wait(60)


def test_whoever_of_the_pipeline_is_gone_is_fenced_once() -> None:
    looking = Looking(["p/a", "p/b", "p/c", "other"], ["p/a", "p/c"], ["p/a", "p/c"])
    for _ in range(3):
        looking.rebalance()
    assert looking.fenced == ["p/b"]


def test_nobody_is_fenced_before_the_rebalance_is_over() -> None:
    failed = KafkaException(KafkaError(KafkaError._TIMED_OUT))
    looking = Looking(["p/a", "p/b"], None, failed, ["p/b"], ["p/a", "p/b"])
    looking.rebalance()
    looking.rebalance()
    assert looking.fenced == []
    assert looking.followed == [{0, 1}, {0, 1}]


def test_who_cannot_be_fenced_keeps_nobody_from_following(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looking = Looking(["p/a", "p/b"], ["p/a"])

    def refuse(_: str) -> None:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "no answer"))

    monkeypatch.setattr(looking.neighbours, "_fence", refuse)
    looking.rebalance()
    looking.rebalance()
    assert "an open transaction of p/b may hold up readers: no answer" in caplog.text
    assert len(looking.followed) == 2
