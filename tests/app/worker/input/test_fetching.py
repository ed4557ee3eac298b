"""The fetcher away from a broker: batches, their numbers, merges, and errors that end it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from app.kafka.partitions import TP
from app.worker.assignment import Assignment
from app.worker.input.fetching import ConsumerLost, Fetcher, InputLost
from tests.app.support import EVENTS, record
from topics.records import Batch

AT = TP(EVENTS, 0)
CONFIG = {"bootstrap.servers": "127.0.0.1:9", "group.id": "p", "log_level": 0}


class AtFive:
    """Every partition begins at 5."""

    def revoked(self, *, lost: bool) -> None: ...

    def restore(self, assignment: Assignment) -> Mapping[TP, int | None]:
        return dict.fromkeys(assignment.partitions, 5)

    def assigned(self, partitions: Sequence[TP]) -> None: ...


class Open(Fetcher):
    """A fetcher whose inside can be reached: what librdkafka calls, it takes from a test."""

    @property
    def consumer(self) -> Consumer:
        return self._consumer

    def on_assign(self, *partitions: TP) -> None:
        self._assign(Assignment(partitions, "group"))

    def on_revoke(self) -> None:
        self._on_revoke(lost=False)

    def take(self, messages: Sequence[Any], limit: int = 1_000) -> list[Batch]:
        return self._batches(messages, limit)

    def patience(self) -> float:
        return self._patience(1.0)


@pytest.fixture
def fetcher() -> Iterator[Open]:
    with closing(Open(CONFIG, AtFive(), on_idle=lambda: None)) as made:
        made.on_assign(AT)
        yield made


def test_records_become_one_batch_for_each_partition_in_order(fetcher: Open) -> None:
    fetcher.on_assign(AT, TP("labels", 0))
    messages = [record(i, {"x": i}) for i in range(4)]
    messages.insert(2, Message(topic="labels", partition=0, offset=9, value=b"{}"))
    one, two = fetcher.take(messages)
    assert [r.offset() for r in one.records] == [0, 1, 2, 3]
    assert (two.topic, two.next_offsets) == ("labels", {"labels": 10})


def test_batches_are_counted_anew_in_each_assignment(fetcher: Open) -> None:
    numbers = [fetcher.take([record(i, {})])[0] for i in range(3)]
    fetcher.restart()
    (again,) = fetcher.take([record(0, {})])
    assert [batch.number for batch in numbers] == [0, 1, 2]
    assert again.number == 0
    assert again.assignment is not numbers[0].assignment


def test_a_restart_reads_from_where_the_state_stands(fetcher: Open) -> None:
    fetcher.restart()
    (place,) = fetcher.consumer.assignment()
    assert (place.topic, place.partition, place.offset) == (EVENTS, 0, 5)


def test_a_restart_keeps_what_fences_the_commits(fetcher: Open) -> None:
    before = fetcher.assignment
    fetcher.restart()
    assert fetcher.assignment is not before
    assert fetcher.assignment.group == "group"


def failed(code: int) -> Any:
    return Message(topic=EVENTS, partition=0, error=KafkaError(code, "why"))


def test_input_that_is_gone_ends_the_worker(fetcher: Open) -> None:
    with pytest.raises(InputLost, match=r"cards\[0\]: the next offset to read is gone"):
        fetcher.take([failed(KafkaError._AUTO_OFFSET_RESET)])


def test_a_first_offset_that_no_broker_names_is_not_taken_for_lost_input(fetcher: Open) -> None:
    why = "failed to query logical offset: Broker: Unknown topic or partition (broker 3)"
    error = KafkaError(KafkaError._AUTO_OFFSET_RESET, why)
    with pytest.raises(ConsumerLost, match=r"cards\[0\]: failed to query logical offset"):
        fetcher.take([Message(topic=EVENTS, partition=0, error=error)])


@pytest.mark.parametrize(
    "code", [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.FENCED_INSTANCE_ID]
)
def test_an_error_that_stays_ends_the_worker(fetcher: Open, code: int) -> None:
    with pytest.raises(ConsumerLost, match="why"):
        fetcher.take([failed(code)])


@pytest.mark.parametrize("code", [KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN])
def test_an_error_that_passes_is_told_and_the_records_are_kept(
    fetcher: Open, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    (batch,) = fetcher.take([record(0, {}), failed(code), record(1, {})])
    assert len(batch.records) == 2
    assert "cards[0]: why" in caplog.text


@pytest.fixture
def merging() -> Iterator[Open]:
    """A fetcher of events and labels, and of an inner topic, with two partitions each."""
    merged = (EVENTS, "labels")
    with closing(Open(CONFIG, AtFive(), lambda: None, merged, max_idle=0.0)) as made:
        made.on_assign(*(TP(topic, p) for topic in (*merged, "inner") for p in (0, 1)))
        yield made


def at(topic: str, offset: int, time: int, partition: int = 0) -> Any:
    """A record of that time."""
    return Message(
        topic=topic, partition=partition, offset=offset, value=b"{}", timestamp=(1, time)
    )


def end(topic: str, partition: int = 0) -> Any:
    """What librdkafka says at the end of a partition."""
    return Message(topic=topic, partition=partition, error=KafkaError(KafkaError._PARTITION_EOF))


def places(batch: Batch) -> list[tuple[str | None, int | None]]:
    return [(record.topic(), record.offset()) for record in batch.records]


def test_merged_topics_become_one_batch_in_the_order_of_time(merging: Open) -> None:
    messages = [at(EVENTS, 5, 10), at(EVENTS, 8, 30), at("labels", 7, 20), at("labels", 9, 40)]
    (batch,) = merging.take(messages)
    assert (batch.topic, batch.partition, batch.number) == (EVENTS, 0, 0)
    assert places(batch) == [(EVENTS, 5), ("labels", 7), (EVENTS, 8)]
    assert batch.next_offsets == {EVENTS: 9, "labels": 8}


def test_a_label_of_the_same_time_comes_before_the_event(merging: Open) -> None:
    (batch,) = merging.take([at(EVENTS, 5, 10), at("labels", 5, 10), end(EVENTS), end("labels")])
    assert places(batch) == [("labels", 5), (EVENTS, 5)]


def test_an_offset_is_given_only_for_a_topic_of_which_something_came(merging: Open) -> None:
    (batch,) = merging.take([at(EVENTS, 5, 10), end("labels")])
    assert batch.next_offsets == {EVENTS: 6}


def test_records_wait_for_the_end_of_the_other_topic(merging: Open) -> None:
    assert merging.take([at(EVENTS, 5, 10)]) == []
    assert merging.patience() == 1.0
    (batch,) = merging.take([end("labels")])
    assert places(batch) == [(EVENTS, 5)]


def test_a_poll_is_no_longer_than_a_record_has_to_wait() -> None:
    merged = (EVENTS, "labels")
    with closing(Open(CONFIG, AtFive(), lambda: None, merged, max_idle=0.4)) as made:
        made.on_assign(*(TP(topic, 0) for topic in merged))
        assert made.take([at(EVENTS, 5, 10), end("labels")]) == []
        assert 0.0 < made.patience() <= 0.4


def test_each_partition_is_merged_by_itself(merging: Open) -> None:
    assert merging.take([at(EVENTS, 5, 10), at("labels", 6, 20, partition=1)]) == []
    (batch,) = merging.take([end(EVENTS, partition=1)])
    assert (batch.partition, places(batch)) == (1, [("labels", 6)])


def test_what_is_too_much_for_one_batch_comes_in_the_next(merging: Open) -> None:
    messages = [*(at(EVENTS, i, i) for i in range(5)), end("labels")]
    one, two = merging.take(messages, limit=3) + merging.take([], limit=3)
    assert [len(one.records), len(two.records)] == [3, 2]
    assert (one.number, two.number) == (0, 1)
    assert one.next_offsets == {EVENTS: 3}


def test_records_of_other_topics_pass_by(merging: Open) -> None:
    batches = merging.take([at(EVENTS, 5, 10), at("inner", 5, 99), at("inner", 6, 1)])
    (inner,) = batches
    assert (inner.topic, places(inner)) == ("inner", [("inner", 5), ("inner", 6)])
    assert inner.next_offsets == {"inner": 7}


def test_an_end_is_no_error(merging: Open, caplog: pytest.LogCaptureFixture) -> None:
    assert merging.take([end(topic) for topic in (EVENTS, "labels", "inner")]) == []
    assert not caplog.records


def test_errors_of_merged_topics_are_not_passed_over(merging: Open) -> None:
    gone = KafkaError(KafkaError._AUTO_OFFSET_RESET, "why")
    with pytest.raises(InputLost, match=r"labels\[1\]: the next offset to read is gone"):
        merging.take([Message(topic="labels", partition=1, error=gone)])


def test_a_restart_forgets_what_waited(merging: Open) -> None:
    merging.take([at(EVENTS, 5, 10)])
    merging.restart()
    (batch,) = merging.take([at(EVENTS, 5, 10), end("labels")])
    assert places(batch) == [(EVENTS, 5)]
    assert batch.number == 0


class Paused:
    """A consumer that only remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, int]] = []

    def pause(self, places: Sequence[TopicPartition]) -> None:
        self.told += [("pause", place.topic, place.partition) for place in places]

    def assign(self, places: Sequence[TopicPartition]) -> None:
        self.told += [("assign", place.topic, place.partition) for place in places]

    def resume(self, places: Sequence[TopicPartition]) -> None:
        self.told += [("resume", place.topic, place.partition) for place in places]


def test_a_partition_that_runs_far_ahead_is_paused_and_read_again_later(
    merging: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.worker.input.merging.FULL", 8)
    consumer = Paused()
    with monkeypatch.context() as patch:
        patch.setattr(merging, "_consumer", consumer)
        merging.take([at(EVENTS, i, i, partition=1) for i in range(4)])
        assert consumer.told == [("pause", EVENTS, 1)]
        merging.take([end("labels", partition=1)], limit=2)
        assert len(consumer.told) == 1
        merging.take([], limit=1)
    assert consumer.told == [("pause", EVENTS, 1), ("resume", EVENTS, 1)]


def test_what_is_assigned_anew_is_read_even_if_it_was_paused(
    merging: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.worker.input.merging.FULL", 8)
    consumer = Paused()
    with monkeypatch.context() as patch:
        patch.setattr(merging, "_consumer", consumer)
        merging.take([at(EVENTS, i, i) for i in range(4)])
        merging.restart()
    events = [what for what, topic, partition in consumer.told if (topic, partition) == (EVENTS, 0)]
    assert events == ["pause", "assign", "resume"]


def test_what_waited_is_forgotten_with_its_partition(merging: Open) -> None:
    merging.take([at(EVENTS, 5, 10), end(EVENTS)])
    merging.on_revoke()
    assert merging.take([end("labels")]) == []
    assert merging.patience() == 1.0


@pytest.fixture
def together() -> Iterator[Open]:
    """A fetcher that merges all partitions of events and labels, beside an inner topic."""
    merged = (EVENTS, "labels")
    with closing(Open(CONFIG, AtFive(), lambda: None, merged, together=True)) as made:
        made.on_assign(*(TP(topic, p) for topic in (*merged, "inner") for p in (0, 1)))
        yield made


def test_a_round_has_a_batch_for_each_partition_and_places_over_all(together: Open) -> None:
    messages = [
        at(EVENTS, 5, 30),
        at(EVENTS, 5, 10, partition=1),
        at("labels", 6, 20, partition=1),
        at("labels", 7, 30),
        *(end(topic, p) for topic in (EVENTS, "labels") for p in (0, 1)),
    ]
    one, two = together.take(messages)
    assert (one.partition, places(one)) == (1, [(EVENTS, 5), ("labels", 6)])
    assert (one.places, one.last) == ([0, 1], False)
    assert one.next_offsets == {EVENTS: 6, "labels": 7}
    assert (two.partition, places(two)) == (0, [("labels", 7), (EVENTS, 5)])
    assert (two.places, two.last) == ([2, 3], True)
    assert [(batch.topic, batch.number) for batch in (one, two)] == [(EVENTS, 0)] * 2


def test_a_round_waits_for_all_partitions(together: Open) -> None:
    heads = [at(EVENTS, 5, 10), at("labels", 6, 20), at("labels", 6, 20, partition=1)]
    assert together.take(heads) == []
    (batch,) = together.take([at(EVENTS, 5, 15, partition=1)])
    assert places(batch) == [(EVENTS, 5)]


def test_places_go_on_in_the_next_round_and_begin_anew_with_a_restart(together: Open) -> None:
    ends = [end(topic, p) for topic in (EVENTS, "labels") for p in (0, 1)]
    for expected in ([0, 1], [2, 3]):
        (batch,) = together.take([at(EVENTS, i, i) for i in (5, 6)] + ends)
        assert batch.places == expected
    together.restart()
    (batch,) = together.take([at(EVENTS, 5, 5), *ends])
    assert batch.places == [0]


def test_batches_of_other_topics_are_no_part_of_a_round(together: Open) -> None:
    inner, batch = together.take(
        [
            *(end(topic, p) for topic in (EVENTS, "labels") for p in (0, 1)),
            at(EVENTS, 5, 10),
            at("inner", 5, 99),
            end("labels"),
            end(EVENTS),
        ]
    )
    assert (inner.topic, inner.places) == ("inner", None)
    assert (batch.places, batch.last) == ([0], True)


def test_partitions_that_are_merged_by_themselves_have_no_rounds(merging: Open) -> None:
    (batch,) = merging.take([at(EVENTS, 5, 10), end("labels")])
    assert (batch.places, batch.last) == (None, True)
