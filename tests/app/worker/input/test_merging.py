"""Records of several topics come in the order of their times, however Kafka hands them out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import Message

from app.worker.input import merging
from app.worker.input.merging import Merge

TOPICS = ("labels", "events")


def records(topic: str, *times: int) -> list[Any]:
    """Records of these times, at the offsets 0, 1, 2, ..."""
    return [
        Message(topic=topic, partition=0, offset=i, value=b"", timestamp=(1, time))
        for i, time in enumerate(times)
    ]


def said(taken: Sequence[Any]) -> list[tuple[str, int]]:
    """Topics and times."""
    return [(record.topic(), record.timestamp()[1]) for record in taken]


class Clock:
    """The time that a merge sees."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(merging, "monotonic", made)
    return made


def merge(labels: Sequence[int], events: Sequence[int], max_idle: float = 0.0) -> Merge[str]:
    """A merge that has these times."""
    made = Merge(TOPICS, max_idle)
    made.add("labels", records("labels", *labels))
    made.add("events", records("events", *events))
    return made


def test_the_smallest_time_comes_first() -> None:
    made = merge([2, 3, 9], [1, 4, 5, 10])
    assert said(made.take(100)) == [
        ("events", 1),
        ("labels", 2),
        ("labels", 3),
        ("events", 4),
        ("events", 5),
        ("labels", 9),
    ]


def test_of_the_same_time_the_first_topic_comes_first() -> None:
    made = merge([5, 5, 6], [5, 5, 7])
    assert said(made.take(100)) == [
        ("labels", 5),
        ("labels", 5),
        ("events", 5),
        ("events", 5),
        ("labels", 6),
    ]


def test_no_more_is_taken_than_was_asked_for() -> None:
    made = merge([1, 3, 5], [2, 4, 6])
    assert [len(made.take(2)) for _ in range(4)] == [2, 2, 1, 0]


def test_a_record_waits_until_the_other_topic_has_one_or_is_known_to_be_at_its_end() -> None:
    made = merge([], [1, 2])
    assert made.take(100) == []
    made.add("labels", records("labels", 1))
    assert said(made.take(100)) == [("labels", 1)]
    made.reached_end("labels")
    assert said(made.take(100)) == [("events", 1), ("events", 2)]


def test_an_end_counts_no_more_once_there_are_records_behind_it() -> None:
    made = merge([], [4])
    made.reached_end("labels")
    made.add("labels", records("labels", 1))
    assert said(made.take(100)) == [("labels", 1)]
    assert made.take(100) == []


def test_a_topic_at_its_end_is_waited_for_as_long_as_was_asked(clock: Clock) -> None:
    made = merge([], [1], max_idle=2.0)
    made.reached_end("labels")
    clock.now += 1.9
    assert made.take(100) == []
    clock.now += 0.1
    assert said(made.take(100)) == [("events", 1)]


def test_three_topics_wait_for_each_other() -> None:
    made = Merge(["a", "b", "c"], 0.0)
    for topic, times in {"a": (1, 5), "b": (1, 5), "c": (1, 5)}.items():
        assert made.take(100) == []
        made.add(topic, records(topic, *times))
    assert said(made.take(100)) == [("a", 1), ("b", 1), ("c", 1), ("a", 5)]


def slowly(inputs: dict[str, list[Any]]) -> list[Any]:
    """The reference: again and again the smallest of all heads, the first topic's of the same."""
    left = {topic: list(waiting) for topic, waiting in inputs.items()}
    taken = []
    while any(left.values()):
        heads = [(waiting[0].timestamp()[1], topic) for topic, waiting in left.items() if waiting]
        first = min(heads, key=lambda head: (head[0], TOPICS.index(head[1])))
        taken.append(left[first[1]].pop(0))
    return taken


def in_pieces(inputs: dict[str, list[Any]], chance: random.Random) -> list[Any]:
    """What a merge gives for records that come in pieces, and are taken in pieces."""
    made = Merge(TOPICS, 0.0)
    left = {topic: list(waiting) for topic, waiting in inputs.items()}
    taken: list[Any] = []
    while any(left.values()):
        topic = chance.choice([topic for topic, waiting in left.items() if waiting])
        size = chance.randint(1, 9)
        piece, left[topic] = left[topic][:size], left[topic][size:]
        made.add(topic, piece)
        if not left[topic]:
            made.reached_end(topic)
        taken += made.take(chance.randint(1, 9))
    while more := made.take(chance.randint(1, 9)):
        taken += more
    return taken


@pytest.mark.parametrize("seed", range(20))
def test_however_records_are_cut_they_come_in_the_order_of_their_times(seed: int) -> None:
    chance = random.Random(seed)
    times = {topic: sorted(chance.choices(range(40), k=60)) for topic in TOPICS}
    inputs = {topic: records(topic, *times[topic]) for topic in TOPICS}
    taken = in_pieces(inputs, chance)
    assert said(taken) == sorted(
        said([*inputs["labels"], *inputs["events"]]), key=lambda r: (r[1], TOPICS.index(r[0]))
    )
    assert taken == slowly(inputs)


@pytest.mark.parametrize("seed", range(20))
def test_times_that_go_back_are_merged_the_same_way_however_records_are_cut(seed: int) -> None:
    chance = random.Random(seed)
    inputs = {topic: records(topic, *chance.choices(range(40), k=60)) for topic in TOPICS}
    assert in_pieces(inputs, chance) == slowly(inputs)


def test_a_topic_that_runs_far_ahead_is_paused_until_little_of_it_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(merging, "FULL", 16)
    made = merge([], range(7))
    assert made.to_pause() == []
    made.add("events", records("events", 7))
    assert made.to_pause() == ["events"]
    assert made.to_pause() == [], "it was paused already"
    made.reached_end("labels")
    made.take(5)
    assert made.to_resume() == []
    made.take(1)
    assert made.to_resume() == ["events"]
    assert made.to_resume() == [], "it was resumed already"


def test_it_is_known_how_long_to_wait_for_a_turn_that_comes_by_itself(clock: Clock) -> None:
    made = Merge(TOPICS, 2.0)
    assert made.wait() is None, "nothing waits"
    made.add("events", records("events", 1))
    assert made.wait() is None, "the end of the labels is not known"
    made.reached_end("labels")
    clock.now += 0.5
    assert made.wait() == 1.5
    clock.now += 5.0
    assert made.wait() == 0.0
    made.add("labels", records("labels", 1))
    assert made.wait() == 0.0, "both have records"
    made.reached_end("events")
    made.reached_end("labels")
    clock.now += 5.0
    assert said(made.take(2)) == [("labels", 1), ("events", 1)]
    assert made.wait() is None, "nothing waits any more"
