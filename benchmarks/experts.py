"""The strongest contenders found, both exactly once and tuned: Numba in Python, and Java."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.contenders import SECONDS, riverrun, running
from benchmarks.topics import Events, create, fill, outputs, rate, read

JAVA = Path(__file__).with_name("kafka_streams")
COUNT = 1_500_000
"""Enough events that the first seconds of a JVM, in which it compiles, are a small part."""
ROUNDS = 2


def run(bootstrap: str, *, quick: bool = False) -> Iterator[dict[str, Any]]:
    """Scaler and passive-aggressive, 15 features, JSON: all three in turns on the same topic."""
    events = fill(bootstrap, 15, 50_000 if quick else COUNT, "json")
    contenders: dict[str, Callable[..., float]] = {"riverrun": riverrun, "numba_loop": numba_loop}
    if has_java():
        contenders["kafka_streams"] = kafka_streams
    rates: defaultdict[str, list[int]] = defaultdict(list)
    for _ in range(1 if quick else ROUNDS):
        for who, measure in contenders.items():
            rates[who].append(round(measure(bootstrap, events, scale=True)))
    yield {"benchmark": "experts", "features": 15, "format": "json", "scale": True, **rates}


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
