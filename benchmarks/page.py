"""What clients of the page cost the stream: its worker's processor time an event, and its rate.

A thousand clients of a kind are connected, cut, and connected again a second later, while a
worker goes through its events. The ratios are to the same worker with nobody at its page, in
turns in the same run. The clients have the lowest priority, for elsewhere they would have
processors of their own; what is left of their share shows in the rate. The processor time of the
worker tells what they cost *it*.
"""

from __future__ import annotations

import sys
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median
from typing import Any

from app.local_kafka.broker import free_ports
from benchmarks.contenders import riverrun_file, running, worker_command
from benchmarks.looking import look
from benchmarks.page_clients import KINDS
from benchmarks.topics import Events, fill, outputs

ROUNDS = 3
NOBODY = "nobody"


def run(bootstrap: str, *, quick: bool = False) -> Iterator[dict[str, Any]]:
    """A row a kind of client."""
    events = fill(bootstrap, 15, 200_000 if quick else 600_000)
    found: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for _ in range(1 if quick else ROUNDS):
        for kind in (NOBODY, *KINDS):
            found[kind].append(measure(bootstrap, events, kind))
    cpu, rates = (
        {kind: median(each[i] for each in of_kind) for kind, of_kind in found.items()}
        for i in (0, 1)
    )
    for kind in KINDS:
        yield {
            "benchmark": "page",
            "clients": kind,
            "worker_cpu_us_an_event": round(1e6 * cpu[kind], 2),
            "cpu_ratio": round(cpu[kind] / cpu[NOBODY], 3),
            "events_a_second": round(rates[kind]),
            "rate_ratio": round(rates[kind] / rates[NOBODY], 3),
        }


def measure(bootstrap: str, events: Events, kind: str) -> tuple[float, float]:
    """Seconds of the worker's processor time for each event, and events a second."""
    predictions, name = outputs(bootstrap, "page"), f"bench-{uuid.uuid4().hex[:8]}"
    port, _ = free_ports(None)
    file = riverrun_file(events, predictions, scale=True, name=name)
    with ExitStack() as stack:
        if kind != NOBODY:
            client = [sys.executable, "-m", "benchmarks.page_clients", kind, str(port)]
            stack.enter_context(running(client))
        command = worker_command(file, bootstrap, f"worker.web_port={port}")
        worker = stack.enter_context(running(command))
        first = look(bootstrap, name, events, worker.pid, events.count // 5)
        last = look(bootstrap, name, events, worker.pid, events.count)
    done = last.offset - first.offset
    return (last.processor - first.processor) / done, done / (last.at - first.at)
