"""A Kafka that goes away: the worker waits or leaves, says so in few lines, and loses nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.local_kafka import LocalKafka
from app.local_kafka.broker import free_ports
from tests.kafka.running import (
    Stream,
    WorkerProcess,
    assert_equal_to_bare_loop,
    stream,
    synthetic,
    wait_until,
    workers,
)

pytestmark = pytest.mark.chaos

LEARNER = {"type": "passive_aggressive", "C": 0.01, "scale": True}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[LocalKafka]:
    """A Kafka that a test may stop, and start again at the same address."""
    with LocalKafka(tmp_path / "kafka", free_ports(None)[0]) as own:
        yield own


def started(pipeline: Stream, worker: WorkerProcess) -> None:
    wait_until(lambda: "partitions [" in worker.log, what="the assignment")
    pipeline.predictions()


def test_a_worker_outlives_a_broker_that_restarts_or_leaves_and_is_started_again(
    broker: LocalKafka, tmp_path: Path, topic_name: str
) -> None:
    pipeline = stream(broker.bootstrap, tmp_path, topic_name, LEARNER, partitions=2)
    pipeline.send(0, synthetic(0, 1_000))
    with workers(pipeline, "a") as (worker,):
        started(pipeline, worker)
        pipeline.send(0, synthetic(2, 20_000))
        broker.stop()
        time.sleep(4.0)
        broker.start()
        pipeline.send(1, synthetic(3, 1_000))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not arrived(pipeline):
            if worker.process.poll() is not None:
                assert worker.process.returncode == 1
                worker.start()
        assert_equal_to_bare_loop(pipeline, LEARNER)
        assert worker.stop() == 0
        assert len(worker.log.splitlines()) < 60


def arrived(pipeline: Stream) -> bool:
    try:
        pipeline.predictions(2.0)
    except AssertionError:
        return False
    return True


def test_without_a_broker_a_worker_stops_soon_with_1_and_says_why_in_few_lines(
    broker: LocalKafka, tmp_path: Path, topic_name: str
) -> None:
    pipeline = stream(broker.bootstrap, tmp_path, topic_name, LEARNER)
    pipeline.send(0, synthetic(0, 1_000))
    with workers(pipeline, "a") as (worker,):
        started(pipeline, worker)
        pipeline.send(0, synthetic(1, 60_000))
        broker.stop()
        time.sleep(5.0)
        if worker.process.poll() is None:
            worker.stop(28.0)
        assert worker.process.returncode == 1
        assert "Traceback" not in worker.log
        assert len(worker.log.splitlines()) < 30
        worker.forget_log()
        worker.start()
        assert worker.process.wait(30) == 1
        (line,) = worker.log.splitlines()
        assert line.startswith(f"riverrun: no Kafka at {pipeline.bootstrap}")
