"""``python -m benchmarks [NAMES...] [--quick] [--bootstrap-servers ...]``: one JSON line a row."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from app.local_kafka import LocalKafka
from benchmarks import (
    commits,
    estimators,
    experts,
    family,
    fraud,
    fraud_rate,
    latency,
    learners,
    mixing,
    page,
    pattern,
    recovery,
    restore,
    shared_learner,
    sink_cost,
    sinks,
    spread,
    stages,
    staleness,
    throughput,
    train,
)

BENCHMARKS: dict[str, Callable[..., Iterator[dict[str, Any]]]] = {
    "throughput": throughput.run,
    "experts": experts.run,
    "estimators": estimators.run,
    "latency": latency.run,
    "recovery": recovery.run,
    "restore": restore.run,
    "commits": commits.run,
    "family": family.run,
    "learners": learners.run,
    "stages": stages.run,
    "mixing": mixing.run,
    "fraud": fraud.run,
    "fraud_rate": fraud_rate.run,
    "pattern": pattern.run,
    "shared_learner": shared_learner.run,
    "spread": spread.run,
    "staleness": staleness.run,
    "page": page.run,
    "sinks": sinks.run,
    "sink_cost": sink_cost.run,
    "train": train.run,
}
ALONE = {"family", "learners", "mixing", "pattern", "shared_learner", "sinks", "spread"}
"""These need no Kafka."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the named benchmarks, or all."""
    parser = argparse.ArgumentParser(prog="riverrun bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="one short round: does it run?")
    parser.add_argument("--bootstrap-servers", default=os.environ.get("KAFKA_BOOTSTRAP_SERVERS"))
    said = parser.parse_args(arguments)
    unknown = [name for name in said.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(BENCHMARKS)}")
    with ExitStack() as stack:
        names, bootstrap = said.names or list(BENCHMARKS), said.bootstrap_servers or ""
        if not bootstrap and not ALONE.issuperset(names):
            bootstrap = stack.enter_context(LocalKafka()).bootstrap
        for name in names:
            for row in BENCHMARKS[name](bootstrap, quick=said.quick):
                print(json.dumps(row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
