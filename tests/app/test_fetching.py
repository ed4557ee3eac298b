"""The fetcher away from a broker: batches, their numbers, and errors that end it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, Message

from app.worker.fetching import TP, ConsumerLost, Fetcher, InputLost
from tests.app.support import EVENTS, record

AT = TP(EVENTS, 0)
CONFIG = {"bootstrap.servers": "127.0.0.1:9", "group.id": "p", "log_level": 0}


class AtFive:
    """Every partition begins at 5."""

    def revoked(self, *, lost: bool) -> None: ...

    def restore(self, partitions: Sequence[TP], epoch: int) -> Mapping[TP, int | None]:
        return dict.fromkeys(partitions, 5)

    def assigned(self, partitions: Sequence[TP]) -> None: ...


class Open(Fetcher):
    """A fetcher whose inside can be reached: what librdkafka calls, it takes from a test."""

    @property
    def consumer(self) -> Consumer:
        return self._consumer

    def on_assign(self, *partitions: TP) -> None:
        self.assignment = partitions
        self.restart()

    def take(self, messages: Sequence[Any]) -> list[Any]:
        return self._batches(messages, 1_000)


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
    assert again.epoch > numbers[0].epoch


def test_a_restart_reads_from_where_the_state_stands(fetcher: Open) -> None:
    fetcher.restart()
    (place,) = fetcher.consumer.assignment()
    assert (place.topic, place.partition, place.offset) == (EVENTS, 0, 5)


def test_a_restart_keeps_what_fences_the_commits(fetcher: Open) -> None:
    fetcher.group = "the group's metadata as of the assignment"
    fetcher.restart()
    assert fetcher.group == "the group's metadata as of the assignment"


def failed(code: int) -> Any:
    return Message(topic=EVENTS, partition=0, error=KafkaError(code, "why"))


def test_input_that_is_gone_ends_the_worker(fetcher: Open) -> None:
    with pytest.raises(InputLost, match=r"cards\[0\]: the next offset to read is gone"):
        fetcher.take([failed(KafkaError._AUTO_OFFSET_RESET)])


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
