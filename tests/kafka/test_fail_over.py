"""Another worker takes over: soon, and with nothing lost, doubled or changed."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from app.kafka.clients import group_consumer, restore_consumer, transactional_producer
from app.kafka.reading import Reader
from tests.kafka import test_state_on_disk as fraud
from tests.kafka.running import (
    Stream,
    WorkerProcess,
    assert_equal_to_bare_loop,
    stream,
    synthetic,
    wait_until,
    workers,
)

LEARNER = {"type": "passive_aggressive", "C": 0.01, "scale": True}
LONG = {"worker.transaction_timeout": "600s"}


class Killed:
    """A worker that has the first partition and is killed in the middle of a transaction."""

    def __init__(self, here: Stream, name: str) -> None:
        settings = transactional_producer(here.pipeline, here.kafka, name)
        self._producer = Producer(settings | {"transaction.timeout.ms": 600_000})
        self._producer.init_transactions(30)
        self._consumer = Consumer(group_consumer(here.pipeline, here.kafka, name))
        self._consumer.subscribe([here.pipeline.events.topic])
        self._here = here

    def poll(self) -> bool:
        """Whether it has its partition."""
        self._consumer.poll(0.1)
        return bool(self._consumer.assignment())

    def leave_open(self) -> None:
        """Begin a transaction with a prediction and a state, and end without a word."""
        pipeline = self._here.pipeline
        self._producer.begin_transaction()
        for topic in (pipeline.predictions.topic, pipeline.state_topic):
            self._producer.produce(topic, b"never", b"key", partition=0)
        self._producer.flush(30)
        self._consumer.close()


@pytest.mark.timeout(240)
def test_what_a_killed_worker_left_open_is_rolled_back_by_its_heir(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    here = stream(kafka, tmp_path, topic_name, LEARNER, partitions=2)
    killed = Killed(here, "0")  # before all names of other workers
    wait_until(killed.poll, what="the first member")
    with workers(here, None, **LONG) as (heir,):
        deadline = time.monotonic() + 60
        while "partitions [1]," not in heir.log:
            assert time.monotonic() < deadline
            killed.poll()
        killed.leave_open()
        for partition in range(2):
            here.send(partition, synthetic(partition, 300))
        assert_equal_to_bare_loop(here, LEARNER)
        assert heir.stop() == 0


@contextmanager
def sending(here: Stream, count: int, seconds: float) -> Iterator[threading.Thread]:
    """Send ``count`` events to each partition in the background."""
    slices = 40

    def send() -> None:
        for part in range(slices):
            for partition in range(len(here.events)):
                here.send(partition, synthetic(partition * slices + part, count // slices))
            time.sleep(seconds / slices)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield thread
    finally:
        thread.join()


def records_read(worker: WorkerProcess) -> int:
    """How many records of states the last restore of a worker needed."""
    found = re.findall(r"; (\d+) records of state read", worker.log)
    return int(found[-1])


def read_little(worker: WorkerProcess, written: int) -> bool:
    """Whether its last restore read only what was written last.

    A rebalance that meets a failed transaction costs a whole restore, as any failure does.
    """
    return records_read(worker) < written / 4


def has(worker: WorkerProcess, partitions: str) -> None:
    def last() -> str:
        return worker.log.rsplit("partitions ", 1)[-1].split("], ")[0] + "]"

    wait_until(lambda: last() == partitions, what=f"{partitions} for the worker")


@pytest.mark.long
@pytest.mark.timeout(300)
def test_states_go_to_a_standby_and_back_and_nothing_changes(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    here = stream(kafka, tmp_path, topic_name, LEARNER, partitions=2)
    settings = {"worker.standbys": "1"}

    def written() -> int:
        reader = Reader(restore_consumer(here.pipeline, here.kafka), here.kafka.admin())
        try:
            return sum(reader.ends(here.pipeline.state_topic).values())
        finally:
            reader.close()

    with (
        sending(here, 12_000, 40.0) as sender,
        workers(here, "a", **settings) as (first,),
    ):
        has(first, "[0, 1]")
        wait_until(lambda: written() > 200, what="many transactions")
        with workers(here, "b", **settings) as (second,):
            has(first, "[0]")
            # What stays is no state to be restored anew either.
            little = [read_little(first, written())]
            has(second, "[1]")
            little.append(read_little(second, written()))
            assert first.stop() == 0
            has(second, "[0, 1]")
            little.append(read_little(second, written()))
            first.forget_log()
            first.start()
            has(first, "[0]")
            assert second.stop() == 0
            has(first, "[0, 1]")
            little.append(read_little(first, written()))
            assert sum(little) >= 2, little
            sender.join()
            assert_equal_to_bare_loop(here, LEARNER)
            assert "thrown away" not in first.log + second.log
        assert first.stop() == 0


@pytest.mark.long
@pytest.mark.timeout(400)
def test_killed_workers_with_standbys_say_what_one_alone_says_to_the_last_bit(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    expected, states = fraud.run(kafka, tmp_path, f"{topic_name[-30:]}-m", 1, 0)
    settings = {
        "worker.standbys": "1",
        "state.store": "disk",
        "state.folder": str(tmp_path / "states"),
    }
    got, followed = fraud.run(kafka, tmp_path, f"{topic_name[-30:]}-s", 2, 2, **settings)
    assert (got.doubled, got.dead_letters) == (0, 0)
    assert got == expected
    assert followed == states
