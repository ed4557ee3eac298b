"""From kill -9 to the first new prediction: by the same worker restarted, and by another."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median
from typing import Any

from benchmarks import fail_over
from benchmarks.contenders import riverrun_file, running, worker_command
from benchmarks.feeding import Feed, Reader
from benchmarks.topics import Events, create, outputs

NAMES = tuple(f"feature_{i}" for i in range(10))


def same_worker(bootstrap: str, tries: int) -> list[float]:
    """Kill a named worker, start it again at once."""
    events = Events(create(bootstrap, "again"), "json", NAMES, 0)
    predictions = outputs(bootstrap, "again-predictions")
    command = worker_command(riverrun_file(events, predictions), bootstrap, "worker.name=w")
    feed, reader = Feed(bootstrap, events.topic, NAMES), Reader(bootstrap, predictions)
    feed.start()
    seconds = []
    with ExitStack() as stack:
        process = stack.enter_context(running(command))
        for _ in range(tries):
            reader.wait(60.0)
            time.sleep(2.0)
            process.kill()
            process.wait()
            reader.drain()
            began = time.monotonic()
            process = stack.enter_context(running(command))
            reader.wait(60.0)
            seconds.append(time.monotonic() - began)
    feed.stop.set()
    return seconds


def other_worker(bootstrap: str, tries: int) -> list[float]:
    """Kill the worker that has the partition while another waits."""
    events = Events(create(bootstrap, "other"), "json", NAMES, 0)
    predictions = outputs(bootstrap, "other-predictions")
    file = riverrun_file(events, predictions)

    def command(number: int) -> list[str]:
        # The one partition goes to the first name in order: the older worker has it.
        return worker_command(file, bootstrap, f"worker.name=w{number}")

    feed, reader = Feed(bootstrap, events.topic, NAMES), Reader(bootstrap, predictions)
    feed.start()
    seconds = []
    with ExitStack() as stack:
        first = stack.enter_context(running(command(0)))
        for number in range(1, tries + 1):
            reader.wait(60.0)
            heir = stack.enter_context(running(command(number)))
            time.sleep(6.0)
            first.kill()
            first.wait()
            reader.drain()
            began = time.monotonic()
            reader.wait(60.0)
            seconds.append(time.monotonic() - began)
            first = heir
    feed.stop.set()
    return seconds


def run(bootstrap: str, *, quick: bool = False) -> Iterator[dict[str, Any]]:
    """Two rows, and those of large states; see ``fail_over``."""
    tries = 1 if quick else 5
    for name, measure in (("same_worker", same_worker), ("other_worker", other_worker)):
        seconds = measure(bootstrap, tries)
        yield {
            "benchmark": "recovery",
            "by": name,
            "median_s": round(median(seconds), 2),
            "max_s": round(max(seconds), 2),
            "tries": tries,
        }
    yield from fail_over.run(bootstrap, quick=quick)
