"""Who is measured: riverrun's worker, the hand-written loop, stock Faust; each its own process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from benchmarks.topics import Events, create, outputs, rate, read, wait_for_commit

SECONDS = 300.0
"""A contender that takes longer is given up."""


PASSIVE_AGGRESSIVE = "passive_aggressive"


def riverrun_file(
    events: Events,
    predictions: str,
    *,
    scale: bool = False,
    name: str = "",
    estimator: str = PASSIVE_AGGRESSIVE,
) -> Path:
    """A pipeline file for a worker that does what the hand-written loop does."""
    ours = estimator == PASSIVE_AGGRESSIVE
    lines = [
        f'name = "{name or "bench-" + uuid.uuid4().hex[:8]}"',
        "[events]",
        f'topic = "{events.topic}"',
        f'format = "{events.format}"',
        'id = "id"',
        'label = "label"',
        f"features = {json.dumps(events.features)}",
        "[predictions]",
        f'topic = "{predictions}"',
        'format = "json"',
        "[learner]",
        f'type = "{estimator}"',
        *(["C = 0.01"] if ours else []),
        f"scale = {str(scale).lower()}",
        "[topics]",
        "partitions = 1",
    ]
    file = Path(tempfile.mkdtemp()) / "bench.toml"
    file.write_text("\n".join(lines))
    return file


def worker_command(file: Path, bootstrap: str, *settings: str, level: str = "warning") -> list[str]:
    """The command of a worker; ``settings`` are ``key=value``."""
    said = [part for setting in settings for part in ("--set", setting)]
    command = ["worker", str(file), "--bootstrap-servers", bootstrap, "--log-level", level]
    return [sys.executable, "-m", "app", *command, *said]


@contextmanager
def running(
    command: list[str], checkout: Path | None = None, log: IO[bytes] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is gone at the end; of another checkout, if one is named.

    What it says goes to `log`, if there is one.
    """
    environ = {**os.environ, "PYTHONWARNINGS": "ignore"}
    if checkout is not None:
        environ["PYTHONPATH"] = str(checkout)
    process = subprocess.Popen(command, env=environ, cwd=checkout, stderr=log)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def riverrun(
    bootstrap: str,
    events: Events,
    *,
    scale: bool = False,
    estimator: str = PASSIVE_AGGRESSIVE,
    checkout: Path | None = None,
) -> float:
    """Events a second of one worker, exactly once, the model in every transaction."""
    predictions, name = outputs(bootstrap, "riverrun"), f"bench-{uuid.uuid4().hex[:8]}"
    file = riverrun_file(events, predictions, scale=scale, name=name, estimator=estimator)
    with running(worker_command(file, bootstrap), checkout):
        # As for the others, nobody reads the outputs while they are written.
        wait_for_commit(bootstrap, name, events, SECONDS)
    return rate(read(bootstrap, predictions, events.count, SECONDS))


def hand_loop(
    bootstrap: str,
    events: Events,
    *,
    scale: bool = False,
    exactly_once: bool = False,
    estimator: str | None = None,
) -> float:
    """Events a second of the hand-written loop, which saves no model unless `exactly_once`."""
    said = outputs(bootstrap, "hand")
    arguments = [bootstrap, events.topic, said, events.format, str(events.count)]
    if scale:
        arguments += ["--scale"]
    if estimator is not None:
        arguments += ["--estimator", estimator]
    if exactly_once:
        arguments += ["--state", create(bootstrap, "hand-state", cleanup_policy="compact")]
    with running([sys.executable, "-m", "benchmarks.hand_loop", *arguments]) as process:
        process.wait(SECONDS)
        return rate(read(bootstrap, said, events.count, SECONDS))


def stock_faust(bootstrap: str, events: Events, count: int) -> float:
    """Events a second of stock Faust, over the first ``count`` events."""
    said = outputs(bootstrap, "faust")
    arguments = [bootstrap, events.topic, said]
    with running([sys.executable, "-m", "benchmarks.stock_faust", *arguments]):
        return rate(read(bootstrap, said, count, SECONDS))
