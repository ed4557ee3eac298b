"""The strongest rivals that were found, both exactly once and tuned: Numba in Python, and Java."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from benchmarks.contenders import SECONDS, running
from benchmarks.topics import Events, create, outputs, rate, read

JAVA = Path(__file__).with_name("kafka_streams")


def numba_loop(bootstrap: str, events: Events, *, scale: bool = False) -> float:
    """Events a second of `benchmarks.numba_loop`."""
    said, state = outputs(bootstrap, "numba"), create(bootstrap, "numba-state")
    command = [sys.executable, "-m", "benchmarks.numba_loop", bootstrap, events.topic, said]
    command += [events.format, str(events.count), str(len(events.features)), state]
    with running([*command, "--scale"] if scale else command) as process:
        process.wait(SECONDS)
        return rate(read(bootstrap, said, events.count, SECONDS))


def kafka_streams(bootstrap: str, events: Events, *, scale: bool = False) -> float:
    """Events a second of Kafka Streams in Java; JSON only."""
    said = outputs(bootstrap, "streams")
    command = ["java", "-XX:+UseParallelGC", "-Xms1g", "-Xmx1g", "-cp", _built(), "Main"]
    command += [bootstrap, events.topic, said, str(len(events.features)), str(scale).lower()]
    with running(command):
        return rate(read(bootstrap, said, events.count, SECONDS))


def has_java() -> bool:
    """Whether Kafka Streams can be compiled and run here."""
    return all(map(shutil.which, ("java", "javac", "mvn")))


@cache
def _built() -> str:
    """The class path, once all is compiled."""
    goals = ["compile", "dependency:copy-dependencies"]
    subprocess.run(["mvn", "--quiet", "--batch-mode", *goals], cwd=JAVA, check=True)
    return f"{JAVA / 'target' / 'classes'}:{JAVA / 'target' / 'dependency' / '*'}"
