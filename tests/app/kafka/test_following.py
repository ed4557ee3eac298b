"""Partitions are read to their ends, and what stands in the way is told."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message

from app.errors import RightMissing
from app.kafka.following import Following, ReadError, StandsStill, places_of, read_to_ends


class Scripted:
    """A consumer that answers with what is given, a list for each poll, and then with nothing."""

    def __init__(self, *answers: Sequence[Message]) -> None:
        self._answers = [list(answer) for answer in answers]
        self._rest: list[Message] = []
        self.assigned: list[tuple[str, int, int]] | None = None

    def assign(self, places: Sequence[Any]) -> None:
        self.assigned = [(p.topic, p.partition, p.offset) for p in places]

    def unassign(self) -> None:
        self.assigned = None

    def poll(self, seconds: float) -> Message | None:
        if not self._answers:
            return None
        first, *self._rest = self._answers.pop(0)
        return first

    def consume(self, most: int, seconds: float) -> list[Message]:
        return self._rest[:most]

    @property
    def consumer(self) -> Consumer:
        return cast(Consumer, self)


def at(offset: int, partition: int = 0) -> Message:
    return Message(topic="t", partition=partition, offset=offset, value=b"%d" % offset)


def end(offset: int, partition: int = 0) -> Message:
    error = KafkaError(KafkaError._PARTITION_EOF)
    return Message(topic="t", partition=partition, offset=offset, error=error)


def failed(code: int) -> Message:
    return Message(topic="t", partition=0, offset=0, error=KafkaError(code))


def offsets(scripted: Scripted, ends: dict[tuple[str, int], int], begin: int = 0) -> list[int]:
    starts = dict.fromkeys(ends, begin)
    read = read_to_ends(scripted.consumer, starts, ends, patience=0.0)
    return [message.offset() or 0 for message in read]


def test_records_up_to_the_end_are_read_and_none_behind_it() -> None:
    scripted = Scripted([at(0), at(1)], [at(2), at(3), at(4)], [at(5)])
    assert offsets(scripted, {("t", 0): 4}) == [0, 1, 2, 3]
    assert scripted.assigned is None


def test_the_end_may_be_a_marker_instead_of_a_record() -> None:
    assert offsets(Scripted([at(0), at(1)], [end(3)]), {("t", 0): 3}) == [0, 1]


def test_an_end_that_is_too_early_is_none() -> None:
    """A transaction is open: the partition ends before what was asked for, and goes on later."""
    scripted = Scripted([at(0), end(1)], [at(1), end(2)])
    assert offsets(scripted, {("t", 0): 2}) == [0, 1]


def test_every_partition_is_waited_for() -> None:
    scripted = Scripted([at(0)], [at(0, 1), at(1, 1)], [at(1)])
    assert offsets(scripted, {("t", 0): 2, ("t", 1): 2}) == [0, 0, 1, 1]


def test_what_is_empty_or_passed_is_not_asked_for() -> None:
    scripted = Scripted()
    assert offsets(scripted, {("t", 0): 0}, begin=OFFSET_BEGINNING) == []
    assert offsets(scripted, {("t", 0): 5}, begin=5) == []


def test_a_partition_that_stands_still_is_named() -> None:
    with pytest.raises(StandsStill, match=r"t\[0\]: nothing more comes") as still:
        offsets(Scripted([at(0)], [at(0, 1)]), {("t", 0): 3, ("t", 1): 1})
    assert still.value.places == [("t", 0)]


def test_an_error_is_raised_and_one_that_passes_is_not() -> None:
    with pytest.raises(KafkaException):
        offsets(Scripted([failed(KafkaError._FATAL)]), {("t", 0): 1})
    with pytest.raises(RightMissing, match="Read topic t"):
        offsets(Scripted([failed(KafkaError.TOPIC_AUTHORIZATION_FAILED)]), {("t", 0): 1})


def test_a_check_that_raises_ends_the_reading_and_the_assignment() -> None:
    scripted = Scripted([at(0)])

    def check() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        list(
            read_to_ends(scripted.consumer, {("t", 0): 0}, {("t", 0): 1}, patience=60, check=check)
        )
    assert scripted.assigned is None


def test_who_follows_knows_which_ends_were_reached() -> None:
    following = Following(Scripted([at(0), end(1, 1)], [end(1)]).consumer, [])
    assert [message.offset() for message in following.records(0)] == [0]
    assert following.ended == {("t", 1)}
    assert following.behind({("t", 0): 1, ("t", 1): 2, ("t", 2): 0}) == {("t", 1), ("t", 2)}
    assert list(following.records(0)) == []
    assert following.ended == {("t", 0), ("t", 1)}


class Told:
    """A broker that hears of more topics each time it is asked."""

    def __init__(self, *answers: dict[str, int]) -> None:
        self._answers = list(answers)

    def list_topics(self, timeout: float) -> Any:
        counts = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        topics = {name: SimpleNamespace(partitions=range(n)) for name, n in counts.items()}
        return SimpleNamespace(topics=topics)


def test_a_broker_that_has_not_heard_of_a_new_topic_is_asked_again() -> None:
    told = Told({"a": 1}, {"a": 1, "b": 0}, {"a": 1, "b": 2, "other": 1})
    assert places_of(cast(Consumer, told), ["b", "a"]) == [("a", 0), ("b", 0), ("b", 1)]


def test_a_topic_that_never_comes_is_named() -> None:
    with pytest.raises(ReadError, match=r"^b: no such topic"):
        places_of(cast(Consumer, Told({"a": 1})), ["b", "a"], seconds=0.0)
