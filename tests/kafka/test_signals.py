"""A worker that is told to stop commits what it processed and leaves with 0."""

from __future__ import annotations

import json
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

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
from tests.kafka.support import read_committed

LEARNER = {"type": "passive_aggressive", "C": 0.01}
SLOW = {"type": "tests.kafka.learners:Slow"}
ALLOW: dict[str, Any] = {"allow": ["tests.kafka.learners"]}


def assigned(worker: WorkerProcess) -> bool:
    return "partitions [" in worker.log


def test_a_signal_under_load_ends_a_worker_with_0_and_the_next_goes_on_where_it_was(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    pipeline = stream(kafka, tmp_path, topic_name, LEARNER, partitions=2)
    for partition in (0, 1):
        pipeline.send(partition, synthetic(partition, 20_000))
    with workers(pipeline, "a") as (worker,):
        for how in (signal.SIGTERM, signal.SIGINT):
            wait_until(lambda: assigned(worker), what="the assignment")
            time.sleep(0.4)
            worker.process.send_signal(how)
            assert worker.process.wait(60) == 0, worker.log
            worker.forget_log()
            worker.start()
        assert_equal_to_bare_loop(pipeline, LEARNER)
        assert worker.stop() == 0


def test_a_slow_learner_keeps_its_partitions_answers_and_stops_soon(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    port, _ = free_ports(None)
    tables = {"worker": {"session_timeout": "6s", "web_port": port}, "snapshots": ALLOW}
    pipeline = stream(kafka, tmp_path, topic_name, SLOW, 1, **tables)
    pipeline.send(0, synthetic(1, 400))
    with workers(pipeline, None) as (worker,):
        wait_until(lambda: assigned(worker), what="the assignment")
        wait_until(lambda: health(port).get("ready"), what="the health page")
        for _ in range(30):
            time.sleep(0.2)
            assert health(port)["ready"]
        assert worker.log.count("partitions [") == 1
        assert worker.stop(60) == 0
    said = [json.loads(m.value() or b"") for m in processed(pipeline)]
    assert len(said) > 50
    assert [p["prediction"] for p in said] == [i % 2 == 0 for i in range(len(said))]
    assert pipeline.models()[0].learned == len(said)


def processed(pipeline: Stream) -> list[Any]:
    return read_committed(pipeline.bootstrap, pipeline.pipeline.predictions.topic)


def health(port: int) -> Any:
    """What it says; empty where nobody answers yet."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return json.load(refused)
    except OSError:
        return {}
