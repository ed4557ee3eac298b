"""How old the model of a scorer is: from a label on Kafka to a prediction that knows it.

1,000 events a second, each with its label; one learner for all partitions. A label counts as known
by the first prediction, as a reader of committed records sees it, whose version has learned as many
rows as labels had been sent by then. With one partition that is the very label.
"""

from __future__ import annotations

import json
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from app.kafka.admin import ensure_topics
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline, load_pipeline
from benchmarks.contenders import running, worker_command
from benchmarks.latency import RATE, WARM_UP, Sender, percentile
from benchmarks.topics import Events

FEATURES = tuple(f"feature_{i}" for i in range(15))
PATIENCE = 60.0
FILE = """
name = "{name}"
[events]
topic = "{name}.events"
id = "id"
label = "label"
features = {features}
[predictions]
topic = "{name}.predictions"
[learner]
type = "logistic_regression"
scale = true
shared = "learner"
[topics]
partitions = {partitions}
"""


def measure(bootstrap: str, seconds: float, workers: int) -> dict[str, Any]:
    """The figures of so many workers, with as many partitions."""
    name = f"staleness-{uuid.uuid4().hex[:8]}"
    file = Path(tempfile.mkdtemp()) / "bench.toml"
    text = FILE.format(name=name, features=json.dumps(FEATURES), partitions=workers)
    file.write_text(text)
    pipeline = load_pipeline(file, environ={})
    ensure_topics(pipeline, KafkaSettings(bootstrap))
    with ExitStack() as stack:
        for _ in range(workers):
            stack.enter_context(running(worker_command(file, bootstrap)))
        events = Events(pipeline.events.topic, "json", FEATURES, 0)
        before, sender = Sender(bootstrap, events, 1.0), Sender(bootstrap, events, seconds)
        before.start()
        _known(bootstrap, pipeline, before.count)  # the workers are there
        sender.start()
        known = _known(bootstrap, pipeline, before.count + sender.count)[before.count :]
    first = int(WARM_UP * RATE)
    waits = sorted(1000.0 * (known[i] - sender.sent[i]) for i in range(first, len(known)))
    return {
        "benchmark": "staleness",
        "events_a_second": RATE,
        "workers": workers,
        "p50_ms": round(percentile(waits, 0.5), 1),
        "p99_ms": round(percentile(waits, 0.99), 1),
    }


def _known(bootstrap: str, pipeline: Pipeline, count: int) -> list[float]:
    """For each label the moment at which a prediction was read whose version has learned it.

    The last ones, which no event follows, are left out.
    """
    topic = pipeline.predictions.topic
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"bench-{uuid.uuid4().hex}",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
        }
    )
    partitions = range(pipeline.topics.partitions)
    consumer.assign([TopicPartition(topic, n, OFFSET_BEGINNING) for n in partitions])
    known: list[float] = []
    for _ in range(count):
        message = consumer.poll(PATIENCE)
        if message is None:
            raise TimeoutError(f"no prediction came within {PATIENCE:g} s")
        version = json.loads(message.value() or b"")["model"]["version"]
        known += [time.perf_counter()] * (version - len(known))
    consumer.close()
    return known


def run(bootstrap: str, *, quick: bool = False) -> Iterator[dict[str, Any]]:
    """A row for one worker, which has the learner, and one for two."""
    for workers in (1, 2):
        yield measure(bootstrap, 6.0 if quick else 23.0, workers)
