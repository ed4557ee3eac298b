"""Killed, stopped and rebalanced: each prediction once, and the model that it would have been."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

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


@contextmanager
def sending(pipeline: Stream, count: int, seconds: float) -> Iterator[threading.Thread]:
    """Send ``count`` events in the background, spread over about ``seconds``."""
    partitions = len(pipeline.events)
    slices = 40

    def send() -> None:
        for part in range(slices):
            started = time.monotonic()
            for partition in range(partitions):
                some = synthetic(partition * slices + part, count // slices // partitions)
                pipeline.send(partition, some)
            time.sleep(max(0.0, seconds / slices - (time.monotonic() - started)))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield thread
    finally:
        thread.join()


@pytest.mark.timeout(240)
def test_kill_9_at_random_moments_changes_nothing(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    pipeline = stream(kafka, tmp_path, topic_name, LEARNER, partitions=3)
    draw = random.Random(9)
    kills = 0
    with (
        sending(pipeline, 51_000, 30.0) as sender,
        workers(pipeline, "a", "b") as pair,
    ):
        time.sleep(4.0)
        while sender.is_alive() or kills < 10:
            time.sleep(draw.uniform(0.5, 2.5))
            victim = draw.choice(pair)
            victim.kill()
            kills += 1
            victim.start()
        assert kills >= 10
        assert_equal_to_bare_loop(pipeline, LEARNER)
        assert [worker.stop() for worker in pair] == [0, 0]


@pytest.mark.timeout(240)
def test_a_worker_that_was_stopped_longer_than_its_session_is_fenced(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    pipeline = stream(kafka, tmp_path, topic_name, LEARNER, partitions=2)
    settings = {"worker.session_timeout": "6s"}
    with (
        sending(pipeline, 20_000, 20.0) as sender,
        workers(pipeline, None, **settings) as (zombie,),
    ):
        wait_until(lambda: "partitions [0, 1]" in zombie.log, what="the first worker")
        time.sleep(2.0)
        zombie.pause()
        with workers(pipeline, None, **settings) as (heir,):
            wait_until(lambda: "partitions [0, 1]" in heir.log, what="the take-over")
            zombie.resume()
            sender.join()
            assert_equal_to_bare_loop(pipeline, LEARNER)


@pytest.mark.timeout(240)
def test_workers_that_come_and_go_change_nothing(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    pipeline = stream(kafka, tmp_path, topic_name, LEARNER, partitions=3)
    with sending(pipeline, 30_000, 25.0) as sender, workers(pipeline, None) as (first,):
        wait_until(lambda: "partitions [0, 1, 2]" in first.log, what="the first worker")
        with workers(pipeline, None, None) as others:
            wait_until(
                lambda: (
                    all("partitions [" in worker.log for worker in [first, *others])
                    and any("partitions [0]," in worker.log for worker in [first, *others])
                ),
                what="one partition for each",
            )
            time.sleep(3.0)
            assert [worker.stop() for worker in others] == [0, 0]
        wait_until(lambda: last_partitions(first) == "[0, 1, 2]", what="the way back to one")
        sender.join()
        assert_equal_to_bare_loop(pipeline, LEARNER)
        assert first.stop() == 0


def last_partitions(worker: WorkerProcess) -> str:
    """What the worker said it has, the last time."""
    return worker.log.rsplit("partitions ", 1)[-1].split("], ")[0] + "]"
