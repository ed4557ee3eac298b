"""How long a restore takes, by the size of the state: seconds, CPU, and megabytes a second.

python -m benchmarks.restore --megabytes 100 --features 50 measures another one.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from app.kafka.clients import restore_consumer
from app.kafka.settings import KafkaSettings
from app.local_kafka import LocalKafka
from app.pipeline.stages import stages
from app.worker.state.restore import Restorer
from benchmarks.big_state import prepare

FEATURES = 15
"""Of each waiting event, as in the fraud pipeline."""
SIZES = (10, 100, 1000)
"""Megabytes of keys and values."""


def measure(bootstrap: str, megabytes: int, features: int = FEATURES) -> dict[str, Any]:
    """A state of this size, written as a worker writes it, and restored once."""
    _, pipeline = prepare(bootstrap, megabytes, features)
    kafka, stage = KafkaSettings(bootstrap), stages(pipeline)[0]
    restorer = Restorer(
        restore_consumer(pipeline, kafka), kafka.admin(), stage.inputs, stage.state_topic
    )
    with closing(restorer):
        began, cpu = time.monotonic(), time.process_time()
        state = restorer.restore([0])[0]
        cpu, seconds = time.process_time() - cpu, time.monotonic() - began
    size = sum(len(key) + len(state.entries.get(key) or b"") for key in state.entries)
    return {
        "benchmark": "restore",
        "features": features,
        "state_mb": round(size / 1e6, 1),
        "entries": len(state.entries),
        "records_read": state.records_read,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "mb_per_second": round(size / 1e6 / seconds, 1),
        "mb_per_cpu_second": round(size / 1e6 / cpu, 1),
    }


def run(bootstrap: str, *, quick: bool = False) -> Iterator[dict[str, Any]]:
    """A row for each size."""
    for megabytes in SIZES[:1] if quick else SIZES:
        yield measure(bootstrap, megabytes)


def main() -> None:
    """One size, one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--features", type=int, default=FEATURES)
    given = parser.parse_args()
    with LocalKafka() as kafka:
        for megabytes in given.megabytes:
            print(json.dumps(measure(kafka.bootstrap, megabytes, given.features)), flush=True)


if __name__ == "__main__":
    main()
