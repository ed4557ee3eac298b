"""How long no new prediction can be read when the worker of a large state goes."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from subprocess import Popen
from typing import Any

from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from app.worker.state.neighbours import KafkaGroup
from benchmarks.big_state import FEATURES, prepare
from benchmarks.contenders import running, worker_command
from benchmarks.feeding import Feed, Reader

SIZES = (10, 100, 1000)
"""Megabytes."""
SIGNALS = {"stop": signal.SIGTERM, "kill": signal.SIGKILL}
PATIENCE = 600.0
AFTER = 3.0
"""Seconds without a longer gap, after which the take-over is over."""


class Pair:
    """Two workers, of which the older one has the only partition."""

    def __init__(self, bootstrap: str, file: Path, pipeline: Pipeline, standbys: int) -> None:
        self._bootstrap, self._file, self._standbys = bootstrap, file, standbys
        self._group = KafkaGroup(KafkaSettings(bootstrap).admin(), pipeline.group)
        self._stack = ExitStack()
        self._started = 0
        self._workers: list[Popen[bytes]] = []

    def __enter__(self) -> Pair:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def complete(self) -> None:
        """Start what is missing, and wait until both are members of the group."""
        while len(self._workers) < 2:
            # The partition goes to the first name in order.
            settings = (f"worker.name=w{self._started:03}", f"worker.standbys={self._standbys}")
            more = ("worker.static=false", "worker.commit_interval=100ms")
            command = worker_command(self._file, self._bootstrap, *settings, *more)
            self._workers.append(self._stack.enter_context(running(command)))
            self._started += 1
            self._wait_for(len(self._workers))

    def end_first(self, how: str) -> None:
        """Stop or kill the older one."""
        first = self._workers.pop(0)
        first.send_signal(SIGNALS[how])

    def _wait_for(self, members: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while len(self._group.names() or ()) != members:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the group has not got {members} members")
            time.sleep(0.2)


def gaps(bootstrap: str, megabytes: int, how: str, standbys: int, tries: int) -> list[float]:
    """The longest time between two predictions around each take-over, in seconds."""
    file, pipeline = prepare(bootstrap, megabytes)
    feed = Feed(bootstrap, pipeline.events.topic, FEATURES)
    reader = Reader(bootstrap, pipeline.predictions.topic)
    found = []
    with Pair(bootstrap, file, pipeline, standbys) as pair:
        feed.start()
        for _ in range(tries):
            pair.complete()
            reader.wait(PATIENCE)
            time.sleep(AFTER)
            reader.drain()
            pair.end_first(how)
            found.append(reader.longest_gap(PATIENCE, AFTER + 7.0 * (how == "kill")))
    feed.stop.set()
    feed.join()
    return found


def run(bootstrap: str, *, quick: bool = False) -> Iterator[dict[str, Any]]:
    """A row for each size of the state, way to go, and number of standbys."""
    tries = 1 if quick else 3
    for megabytes in SIZES[:1] if quick else SIZES:
        for standbys in (0, 1):
            for how in SIGNALS:
                seconds = gaps(bootstrap, megabytes, how, standbys, tries)
                yield {
                    "benchmark": "fail_over",
                    "state_mb": megabytes,
                    "by": how,
                    "standbys": standbys,
                    "median_s": round(median(seconds), 2),
                    "max_s": round(max(seconds), 2),
                    "tries": tries,
                }
