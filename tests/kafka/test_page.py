"""The page of a worker: what is on the topics is on its stream, whoever wrote it."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import Producer

from app.kafka.admin import ensure_topics
from app.kafka.settings import KafkaSettings
from app.local_kafka.broker import free_ports
from app.pipeline.load import load_pipeline
from tests.kafka.running import Stream, WorkerProcess, wait_until
from tests.kafka.support import create_topic, produce
from topics.metrics import BaselineMetrics, WindowMetrics
from topics.records import Alert, ModelVersion, Reason, Source

FILE = """
name = "{name}"
[events]
topic = "{name}.events.v1"
id = "id"
[labels]
topic = "{name}.labels.v1"
label = "fraud"
expire = "1d"
[predictions]
topic = "{name}.predictions.v1"
[learner]
type = "logistic_regression"
[decisions]
topic = "{name}.alerts.v1"
threshold = 2.0
[metrics]
topic = "{name}.metrics.v1"
window = "100d"
[topics]
partitions = 2
retention = "forever"
"""
DAY = 86_400_000
SMART = "<img src=x onerror=alert(1)>"


def paid(folder: Path, bootstrap: str, name: str) -> Stream:
    """A pipeline whose own alerts and metrics never come, with its topics."""
    file = folder / f"{name}.toml"
    file.write_text(FILE.format(name=name))
    pipeline = load_pipeline(file, environ={})
    create_topic(bootstrap, pipeline.events.topic, 2)
    ensure_topics(pipeline, KafkaSettings(bootstrap, {}))
    return Stream(bootstrap, file, pipeline, [[], []])


def alert(number: int) -> bytes:
    reasons = (Reason("amount", 1.25),)
    source, model = Source("e", 0, number), ModelVersion("m", 5)
    return msgspec.json.encode(
        Alert(f"t{number}", number, None, 0.9, 0.5, reasons, model, source, {"note": SMART})
    )


def window(partition: int, ap: float) -> bytes:
    rival = BaselineMetrics(10, average_precision=ap)
    return msgspec.json.encode(
        WindowMetrics(DAY, 2 * DAY, partition, True, 3 * DAY, 50, 12, 10, 2, 1, model=rival)
    )


def events_of(port: int, within: float = 30.0) -> Iterator[dict[str, Any]]:
    """What the stream of a worker says, event after event."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/stream", timeout=within) as stream:
        for line in stream:
            if line.startswith(b"data: "):
                yield json.loads(line[6:])


def seen(port: int, alerts: int, labels: int) -> dict[str, Any]:
    """The page, put together from its stream, once so much of it is there."""
    rows: dict[str, Any] = {}
    page: dict[str, Any] = {"windows": {}, "alerts": rows}
    deadline = time.monotonic() + 30
    for said in events_of(port):
        page |= {k: v for k, v in said.items() if k not in ("windows", "alerts")}
        page["windows"] |= {row["start"]: row for row in said.get("windows", ())}
        rows |= {row["id"]: row for row in said.get("alerts", ())}
        judged = [row for row in rows.values() if row["judged"]]
        if len(rows) == alerts and len(judged) == labels and page["windows"] and "topics" in page:
            break
        assert time.monotonic() < deadline, page
    return page


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_every_worker_shows_the_whole_pipeline_also_when_another_is_killed(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    pipeline = paid(tmp_path, kafka, topic_name)
    ports = free_ports(None)
    for partition in (0, 1):
        produce(kafka, f"{topic_name}.alerts.v1", [(b"k", alert(partition))], partition)
        value = window(partition, 0.2 + 0.4 * partition)
        produce(kafka, f"{topic_name}.metrics.v1", [(b"k", value)], partition)
    undecided(kafka, f"{topic_name}.alerts.v1")
    label = json.dumps({"id": "t1", "fraud": True}).encode()
    produce(kafka, f"{topic_name}.labels.v1", [(b"k", label)], 0)
    with ExitStack() as stack:
        started = []
        for name, port in zip("ab", ports, strict=True):
            setting = {"worker.web_port": str(port)}
            worker = WorkerProcess(pipeline, name, **setting)
            started.append(worker)
            stack.callback(worker.close)
        for port in ports:
            wait_until(lambda port=port: answers(port), what="the health page")
            page = seen(port, alerts=2, labels=1)
            assert page["windows"][DAY]["model"] == {"average_precision": 0.4}
            assert page["alerts"]["t1"]["label"] is True
            assert page["alerts"]["t0"]["reasons"] == [{"feature": "amount", "contribution": 1.25}]
            assert [t["partitions"] for t in page["topics"]] == [2, 2]
            assert page["time"] > 3 * DAY

        started[0].kill()
        produce(kafka, f"{topic_name}.alerts.v1", [(b"k", alert(2))], 0)
        assert "t2" in seen(ports[1], alerts=3, labels=1)["alerts"]

        watching = events_of(ports[1])  # a stream that is open does not hold the worker up
        assert next(watching)["about"]["pipeline"] == topic_name
        assert started[1].stop() == 0, started[1].log


def undecided(bootstrap: str, topic: str) -> None:
    """An alert whose transaction is rolled back: nobody may see it."""
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": topic})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, alert(99), b"k", 0)
    producer.flush(30)
    producer.abort_transaction(30)
