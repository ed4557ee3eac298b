"""What the fraud pipeline writes to Kafka for a payment and its label, and how long a commit takes.

python -m benchmarks.commits [--checkout FOLDER] does it with the worker of another checkout.

One worker, all payments and labels are on Kafka when it starts: it commits under load. Counted
is what a reader of all topics of the pipeline sees, before any compaction.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.kafka.admin import ensure_topics
from app.kafka.clients import replay_producer
from app.kafka.reading import reading
from app.kafka.settings import KafkaSettings
from app.local_kafka import LocalKafka
from app.pipeline.load import Pipeline, load_pipeline
from app.pipeline.topics import pipeline_topics
from app.replay.replay import replay
from benchmarks.fraud import FILE, SMALL, Trial, source
from benchmarks.fraud_protocol import Yardstick
from benchmarks.fraud_workers import Workers

TRIAL = Trial(size=SMALL, first=24)
_COMMITS = re.compile(r"(\d+) commits of ([\d.]+) ms")


def measure(bootstrap: str, checkout: Path | None = None) -> dict[str, Any]:
    """The figures of one run."""
    overrides, kafka = TRIAL.overrides(), KafkaSettings(bootstrap)
    pipeline = load_pipeline(FILE, overrides, {})
    ensure_topics(pipeline, kafka)
    data = Yardstick(TRIAL.size, TRIAL.first).data
    sent = replay(pipeline, source(data, TRIAL), replay_producer(kafka))
    commits, milliseconds = _worked(pipeline, kafka, overrides, checkout)
    payments = sent.delivered - sent.labels
    by_role: Counter[str] = Counter()
    state_bytes = 0
    for topic in pipeline_topics(pipeline):
        count, size = _counted(pipeline, kafka, topic.name)
        by_role[topic.role] += count
        state_bytes += size if topic.role == "state" else 0
    written = by_role.total() - sent.delivered
    return {
        "benchmark": "commits",
        "payments": payments,
        "labels": sent.labels,
        "records_per_payment": round(written / payments, 2),
        "of_them": {role: round(count / payments, 2) for role, count in by_role.items()},
        "state_bytes_per_payment": round(state_bytes / payments),
        "commits": commits,
        "state_records_per_commit": round(by_role["state"] / max(1, commits), 1),
        "commit_ms": milliseconds,
    }


def run(bootstrap: str, *, quick: bool = False) -> Iterator[dict[str, Any]]:
    """One row."""
    yield measure(bootstrap)


def _counted(pipeline: Pipeline, kafka: KafkaSettings, topic: str) -> tuple[int, int]:
    """Committed records of a topic, and the bytes of their keys and values."""
    count = size = 0
    with reading(pipeline, kafka) as reader:
        for record in reader.read(topic):
            count += 1
            size += len(record.key() or b"") + len(record.value() or b"")
    return count, size


def _worked(
    pipeline: Pipeline, kafka: KafkaSettings, overrides: dict[str, str], checkout: Path | None
) -> tuple[int, float]:
    """Let one worker do all; gives its commits, and the mean time of one in milliseconds."""
    settings = [f"{key}={value}" for key, value in overrides.items()]
    with tempfile.TemporaryFile() as log:
        Workers(FILE, pipeline, kafka, settings, 1, checkout, log).run()
        log.seek(0)
        found = _COMMITS.findall(log.read().decode())
    return (int(found[-1][0]), float(found[-1][1])) if found else (0, 0.0)


def main() -> None:
    """One line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkout", type=Path)
    given = parser.parse_args()
    with LocalKafka() as kafka:
        print(json.dumps(measure(kafka.bootstrap, given.checkout)), flush=True)


if __name__ == "__main__":
    main()
