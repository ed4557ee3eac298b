"""With state on disk, workers that are killed say what one with state in memory says."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from app.kafka.admin import ensure_topics
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline, load_pipeline
from benchmarks.fraud_workers import Predicted, Workers, said
from tests.kafka.running import restored

PARTITIONS = 2
EVENTS = 4_000
STEP = 1_000
"""Milliseconds between two events of a partition; a label takes 500 events, an event waits 800."""
LATE, EXPIRE = 500, 800

FILE = """
[events]
topic = "{name}.events.v1"
id = "id"
key = "card"
functions = []

[labels]
topic = "{name}.labels.v1"
label = "fraud"
expire = "{expire}s"
on_expire = false

[[entities]]
field = "card"
features = ["count", "mean(amount)"]
windows = ["60s", "600s"]

[[entities]]
field = "card"
source = "labels"
features = ["mean(fraud)"]
windows = ["600s"]

[predictions]
topic = "{name}.predictions.v1"

[decisions]
budget = 5
per = "600s"

[metrics]
topic = "{name}.metrics.v1"
window = "600s"

[learner]
type = "logistic_regression"
scale = true

[topics]
partitions = {partitions}
retention = "forever"

[worker]
max_batch = 100
commit_interval = "30ms"
"""


def happened(partition: int) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """The topics' names, times and values of a partition: events, and most of their labels."""
    draw, due = random.Random(partition), list[tuple[int, dict[str, Any]]]()
    for n in range(EVENTS):
        now = 1_500_000_000_000 + n * STEP
        card, amount = f"{partition}-{draw.randrange(50)}", draw.expovariate(0.02)
        id_ = f"payment-{partition}-{n}"
        yield "events", now, {"id": id_, "card": card, "amount": amount, "hour": n % 24}
        if draw.random() < 0.9:
            label = {"id": id_, "fraud": amount + draw.gauss(0, 20) > 100}
            due.append((n + LATE + draw.randrange(-50, 50), label))
        for item in [item for item in due if item[0] <= n]:
            due.remove(item)
            yield "labels", now, item[1]


def sent(bootstrap: str, folder: Path, name: str) -> tuple[Path, Pipeline]:
    """A pipeline with its events and labels on Kafka."""
    file = folder / f"{name}.toml"
    text = FILE.format(name=name, partitions=PARTITIONS, expire=EXPIRE)
    file.write_text(f'name = "{name}"\n{text}')
    pipeline = load_pipeline(file)
    ensure_topics(pipeline, KafkaSettings(bootstrap, {}))
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5})
    for partition in range(PARTITIONS):
        for kind, time, value in happened(partition):
            key = f"{partition}".encode()
            encoded = json.dumps(value).encode()
            producer.produce(f"{name}.{kind}.v1", encoded, key, partition, timestamp=time)
            producer.poll(0)
    assert producer.flush(30) == 0
    return file, pipeline


def states(bootstrap: str, pipeline: Pipeline) -> list[dict[str, bytes]]:
    """The states of the partitions without their models, whose snapshots tell of offsets."""
    found = restored(pipeline, KafkaSettings(bootstrap, {}), range(PARTITIONS))
    passing = ("model", "position", "frozen")
    return [
        {k: found[p].entries.get(k) or b"" for k in found[p].entries if k not in passing}
        for p in range(PARTITIONS)
    ]


def run(
    bootstrap: str, folder: Path, name: str, count: int, kills: int, **settings: str
) -> tuple[Predicted, list[dict[str, bytes]]]:
    """What a pipeline of this file says, and its states at the end."""
    file, pipeline = sent(bootstrap, folder, name)
    kafka = KafkaSettings(bootstrap, {})
    given = [f"{key}={value}" for key, value in settings.items()]
    processes = Workers(file, pipeline, kafka, given, count)
    processes.run(kills)
    assert processes.killed >= min(kills, 1), "it was done before a worker was killed"
    return said(pipeline, kafka), states(bootstrap, pipeline)


@pytest.mark.long
def test_killed_workers_with_state_on_disk_say_what_one_with_memory_says_to_the_last_bit(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    expected, memory = run(kafka, tmp_path, f"{topic_name[-30:]}-m", 1, 0)
    folder = tmp_path / "states"
    settings = {"state.store": "disk", "state.folder": str(folder)}
    got, disk = run(kafka, tmp_path, f"{topic_name[-30:]}-d", 2, 3, **settings)

    assert len(expected.scores) == PARTITIONS * EVENTS
    assert len(set(expected.scores.values())) > EVENTS
    assert (got.doubled, got.dead_letters) == (0, 0)
    assert got == expected
    assert disk == memory
    assert any(key.startswith("row/") for key in memory[0])
    assert any(key.startswith("label/") for key in memory[1])
    assert list(folder.iterdir()) == []
