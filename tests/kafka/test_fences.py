"""Each fence by itself: who has lost a partition writes nothing, who gets it reads all."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from agents.outputs import Outputs
from agents.state import Checksum
from app.kafka.asking import RestoreStopped
from app.kafka.clients import group_consumer, restore_consumer
from app.kafka.partitions import TP
from app.worker.output.transactions import (
    TransactionAborted,
    TransactionLost,
    Transactions,
    new_transactions,
)
from app.worker.state.layout import POSITION
from app.worker.state.position import Position
from app.worker.state.restore import PartitionMoved, Restored, RestoreRefused
from app.worker.tasks import Change
from tests.kafka import running
from tests.kafka.running import Stream, stream
from tests.kafka.support import create_topic, read_committed
from topics.records import Outgoing

LEARNER = {"type": "passive_aggressive"}


@pytest.fixture
def here(kafka: str, tmp_path: Path, topic_name: str) -> Stream:
    return stream(kafka, tmp_path, topic_name, LEARNER)


def transactions(here: Stream, name: str) -> Transactions:
    """The producer of the worker ``name``, ready."""
    made = new_transactions(here.pipeline, here.kafka, name)
    made.start()
    return made


def change(here: Stream, offset: int) -> Change:
    """One prediction, and a state that has come to ``offset``."""
    offsets = {here.pipeline.events.topic: offset}
    row = (POSITION.encode(), b"v" + Position(offsets, checksum=Checksum(0, 0)).encode())
    said = Outputs([(b"k", b"said")])
    return Change(0, offsets, [said], here.pipeline.state_topic, [row], 1)


def member(here: Stream) -> Consumer:
    """A member of the group, with its partition."""
    consumer = Consumer(group_consumer(here.pipeline, here.kafka))
    consumer.subscribe([here.pipeline.events.topic])
    deadline = time.monotonic() + 30
    while not consumer.assignment():
        assert time.monotonic() < deadline
        consumer.poll(0.1)
    return consumer


def predictions(here: Stream) -> int:
    return len(read_committed(here.bootstrap, here.pipeline.predictions.topic))


def test_who_left_the_group_commits_nothing(here: Stream) -> None:
    consumer = member(here)
    group = consumer.consumer_group_metadata()
    worker = transactions(here, "a")
    worker.commit([change(here, 5)], group)
    consumer.close()
    heir = member(here)
    with pytest.raises(TransactionAborted, match="UNKNOWN_MEMBER_ID"):
        worker.commit([change(here, 9)], group)
    heir.close()
    assert predictions(here) == 1
    assert restored(here).offsets == {here.pipeline.events.topic: 5}


def test_what_goes_to_the_next_stage_or_becomes_an_alert_is_rolled_back_too(here: Stream) -> None:
    inner = f"{here.pipeline.name}.by-shop.v1"
    create_topic(here.bootstrap, inner)
    consumer = member(here)
    group = consumer.consumer_group_metadata()
    worker = transactions(here, "a")
    said = Outputs(others=[Outgoing(inner, b"k", b"relayed")])
    sent = replace(change(here, 5), outputs=[said])
    worker.commit([sent], group)
    consumer.close()
    heir = member(here)
    with pytest.raises(TransactionAborted, match="UNKNOWN_MEMBER_ID"):
        worker.commit([sent], group)
    heir.close()
    assert len(read_committed(here.bootstrap, inner)) == 1


def test_who_is_followed_by_a_worker_of_its_name_commits_nothing(here: Stream) -> None:
    consumer = member(here)
    first = transactions(here, "a")
    transactions(here, "a")
    with pytest.raises((TransactionLost, TransactionAborted), match="FENCED"):
        first.commit([change(here, 5)], consumer.consumer_group_metadata())
    consumer.close()
    assert predictions(here) == 0


def restored(here: Stream) -> Restored:
    return running.restored(here.pipeline, here.kafka, [0])[0]


class Other:
    """A worker in the middle of a transaction."""

    def __init__(self, here: Stream) -> None:
        self._here = here
        name = f"{here.pipeline.name}/other"
        self.producer = Producer({"bootstrap.servers": here.bootstrap, "transactional.id": name})
        self.producer.init_transactions(30)
        self.producer.begin_transaction()

    def write_state(self, offset: int) -> None:
        (row,) = change(self._here, offset).state
        self.producer.produce(self._here.pipeline.state_topic, row[1], row[0], 0)
        self.producer.flush(30)

    def write_offset(self, offset: int) -> None:
        nobody = Consumer(restore_consumer(self._here.pipeline, self._here.kafka))
        at = [TopicPartition(self._here.pipeline.events.topic, 0, offset)]
        self.producer.send_offsets_to_transaction(at, nobody.consumer_group_metadata(), 30)
        nobody.close()


@pytest.fixture
def other(here: Stream) -> Other:
    return Other(here)


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as one:
        yield one


def test_a_restore_waits_for_offsets_that_are_under_way(
    here: Stream, other: Other, thread: ThreadPoolExecutor
) -> None:
    other.write_offset(7)
    restoring = thread.submit(restored, here)
    time.sleep(1.5)
    waited = not restoring.done()
    other.write_state(7)
    other.producer.commit_transaction(30)
    assert waited
    assert restoring.result(30).offsets == {here.pipeline.events.topic: 7}


def test_a_restore_waits_for_state_that_is_under_way(
    here: Stream, other: Other, thread: ThreadPoolExecutor
) -> None:
    other.write_state(7)
    restoring = thread.submit(restored, here)
    time.sleep(1.5)
    waited = not restoring.done()
    other.producer.abort_transaction(30)
    assert waited
    assert list(restoring.result(30).entries) == []


def test_a_restore_that_waits_ends_when_it_is_told_to(here: Stream, other: Other) -> None:
    other.write_state(7)
    made = running.restorer(here.pipeline, here.kafka)
    timer = threading.Timer(1.0, made.stop)
    timer.start()
    with pytest.raises(RestoreStopped):
        made.restore([0])
    timer.join()
    made.close()
    other.producer.abort_transaction(30)


def test_what_a_transaction_still_holds_back_is_not_all_read(here: Stream, other: Other) -> None:
    start = {TP(here.pipeline.events.topic, 0): None}
    with closing(running.restorer(here.pipeline, here.kafka)) as made:
        assert made.all_read(start)
        other.producer.produce(here.pipeline.events.topic, b"{}", partition=0)
        other.producer.flush(30)
        assert not made.all_read(start)
        other.producer.commit_transaction(30)
        assert not made.all_read(start)
        assert made.all_read({TP(here.pipeline.events.topic, 0): 1})


def test_state_and_offset_that_differ_are_refused(here: Stream, other: Other) -> None:
    other.write_state(7)
    other.write_offset(8)
    other.producer.commit_transaction(30)
    with pytest.raises(RestoreRefused, match="offset 7, but the group's committed offset is 8"):
        restored(here)


def test_a_worker_that_commits_meanwhile_is_told_from_a_moved_offset(
    here: Stream, other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = running.restorer(here.pipeline, here.kafka)
    ask, others = late.asking.committed, [other]

    def committed(topics: Sequence[str], partitions: Collection[int]) -> Any:
        """Another worker commits just after this one has asked."""
        answer = ask(topics, partitions)
        while others:
            another = others.pop()
            another.write_state(9)
            another.write_offset(9)
            another.producer.commit_transaction(30)
        return answer

    monkeypatch.setattr(late.asking, "committed", committed)
    with pytest.raises(PartitionMoved, match=r"\[0\]: another worker has it"):
        late.restore([0])
    late.close()
