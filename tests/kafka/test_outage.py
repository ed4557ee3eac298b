"""A Kafka that goes away for good: the worker leaves, and says so in few lines."""

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
    stream,
    synthetic,
    wait_until,
    workers,
)

LEARNER = {"type": "passive_aggressive", "C": 0.01, "scale": True}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[LocalKafka]:
    """A Kafka that a test may stop, and start again at the same address."""
    with LocalKafka(tmp_path / "kafka", free_ports(None)[0]) as own:
        yield own


def started(pipeline: Stream, worker: WorkerProcess) -> None:
    wait_until(lambda: "partitions [" in worker.log, what="the assignment")
    pipeline.predictions()


@pytest.mark.long
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
