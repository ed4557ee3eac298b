"""What a sink costs the stream: the processor time of a worker whose output it reads, and its rate.

A worker goes through its events, with a sink beside it that writes its predictions to Parquet
files, and without one, in turns in the same run. The sink has the lowest priority, for elsewhere
it would have a processor of its own; what is left of its share shows in the rate. The processor
time of the worker tells what the sink costs *it*.
"""

from __future__ import annotations

import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from app.local_kafka.broker import free_ports
from benchmarks.contenders import SECONDS, riverrun_file, running, worker_command
from benchmarks.looking import look
from benchmarks.topics import Events, fill, outputs

ROUNDS = 5


def run(bootstrap: str, *, quick: bool = False) -> Iterator[dict[str, Any]]:
    """One row."""
    events = fill(bootstrap, 15, 100_000 if quick else 300_000)
    found: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for _ in range(1 if quick else ROUNDS):
        for beside in found:
            found[beside].append(measure(bootstrap, events, beside))
    (cpu, rate), (cpu_beside, rate_beside) = (
        [median(each[i] for each in of_kind) for i in (0, 1)] for of_kind in found.values()
    )
    ratios = [b[0] / a[0] for a, b in zip(found[False], found[True], strict=True)]
    yield {
        "benchmark": "sink_cost",
        "worker_cpu_us_an_event": round(1e6 * cpu, 2),
        "with_a_sink": round(1e6 * cpu_beside, 2),
        "cpu_ratio": round(median(ratios), 3),
        "cpu_ratio_min": round(min(ratios), 3),
        "cpu_ratio_max": round(max(ratios), 3),
        "events_a_second": round(rate),
        "rate_ratio": round(rate_beside / rate, 3),
    }


def measure(bootstrap: str, events: Events, beside: bool) -> tuple[float, float]:
    """Seconds of the worker's processor time for each event, and events a second."""
    predictions, name = outputs(bootstrap, "sink-cost"), f"bench-{uuid.uuid4().hex[:8]}"
    file = riverrun_file(events, predictions, scale=True, name=name)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="riverrun-cost-")))
        if beside:
            port, _ = free_ports(None)
            stack.enter_context(running(_sink_command(file, folder, bootstrap, port)))
            _wait_for(lambda: _is_ready(port), "the sink is not ready")
        worker = stack.enter_context(running(worker_command(file, bootstrap)))
        first = look(bootstrap, name, events, worker.pid, events.count // 5)
        last = look(bootstrap, name, events, worker.pid, events.count)
        if beside:
            _wait_for(lambda: any((folder / "bench").glob("*.parquet")), "no rows of the sink")
    done = last.offset - first.offset
    return (last.processor - first.processor) / done, done / (last.at - first.at)


def _wait_for(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} after {SECONDS:.0f} s")
        time.sleep(0.2)


def _is_ready(port: int) -> bool:
    """Whether the sink reads: a worker would be done before it has started."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
    except OSError:
        return False
    return True


def _sink_command(file: Path, folder: Path, bootstrap: str, port: int) -> list[str]:
    table = f'\n[sinks.bench]\ntype = "parquet"\nurl = "{folder}"\nweb_port = {port}\n'
    table += 'batch = 10_000\ninterval = "200ms"\n'
    file.write_text(file.read_text() + table)
    words = ["sink", str(file), "bench", "--bootstrap-servers", bootstrap]
    return ["nice", "-n", "19", sys.executable, "-m", "app", *words, "--log-level", "warning"]
