"""How far a worker is, and what it has cost up to there."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import Consumer, TopicPartition

from benchmarks.contenders import SECONDS
from benchmarks.topics import Events


class Look(NamedTuple):
    """How far a worker is: when, to which committed offset, after so much processor time."""

    at: float
    offset: int
    processor: float


def look(bootstrap: str, group: str, events: Events, pid: int, offset: int) -> Look:
    """See a worker as soon as it has committed up to ``offset``."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    deadline = time.monotonic() + SECONDS
    try:
        while (done := consumer.committed([TopicPartition(events.topic, 0)])[0].offset) < offset:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{group} committed {done} of {offset} events in {SECONDS} s")
            time.sleep(0.05)
        return Look(time.monotonic(), done, _processor_seconds(pid))
    finally:
        consumer.close()


def _processor_seconds(pid: int) -> float:
    """That a process has used so far, its children left out."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
