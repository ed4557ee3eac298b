"""What a million events that wait for their labels cost: in memory, and on disk.

python -m benchmarks.waiting [--store disk] [--waiting 1000000]

Two parts of a pipeline are fed as its stages feed them, one event a millisecond, without Kafka:
the join, which keeps an event until it expires, and the rows of 15 features. When as many wait as
shall, a tenth more events come, each with a label of an event that came some time before, at
random; the first ones expire. What changed is encoded for the state topic after each batch. Then
a new state is opened from the store, as after a restore.

Memory is what is no page of a file; on disk the values are pages of one. Times are of CPU.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from agents.events.read import Read
from agents.labels.join import LabelJoin
from agents.labels.reader import ParsedLabel
from agents.labels.settings import JoinSettings
from agents.labels.waiting import WaitingRows
from agents.operations import ParsedEvent
from agents.state import State
from agents.store import MemoryStore, Store
from app.worker.state.log import StateLog
from learners.engine.rows import Rows
from learners.labels import check_label
from learners.model import UNLABELLED

FEATURES = 15
NAMES = tuple(f"x{i}" for i in range(FEATURES))
BATCH = 5000
"""Events between two commits."""
START = 1_500_000_000_000
RECORD: Any = None
"""Nothing looks at the records."""


class Waiting:
    """The two parts, each over a state of its own, as the stages of a pipeline have."""

    def __init__(self, stores: Sequence[Store], waiting: int) -> None:
        self.states = [State(store) for store in stores]
        self._logs = [StateLog(store) for store in stores]
        settings = JoinSettings(waiting, max_waiting=2 * waiting, keep=("card", "terminal"))
        joins, waits = self.states
        self._join = LabelJoin(settings, joins, lambda y: check_label("binary", y))
        self._rows = WaitingRows(waits, NAMES)
        self._values = np.random.default_rng(1).normal(size=(BATCH, FEATURES))

    def __len__(self) -> int:
        return len(self._join)

    def take(self, arrived: Sequence[ParsedEvent | ParsedLabel]) -> None:
        """Events and labels come, and what changed is written."""
        joined = self._join.run(arrived)
        operations = joined.operations([RECORD] * len(arrived), [0] * len(arrived))
        at = operations.events
        read = Read(at, Rows(NAMES, self._values[: len(at)]), [UNLABELLED] * len(at))
        self._rows.join(operations, np.arange(len(operations)), read)
        self._join.save()
        for state, log in zip(self.states, self._logs, strict=True):
            log.rows(state.changes())


def event(n: int) -> ParsedEvent:
    """Event number n."""
    return ParsedEvent(_id(n), START + n, {"card": n % 4999, "terminal": n % 9973}, RECORD)


def label(n: int, now: int) -> ParsedLabel:
    """The label of event number n comes."""
    return ParsedLabel(_id(n), n % 9 == 0, None, 1, START + now, RECORD)


def _id(n: int) -> str:
    return f"payment-{n:07}"


def _batches(some: range) -> Iterator[range]:
    return (some[first : first + BATCH] for first in range(0, len(some), BATCH))


def measure(kind: str, waiting: int) -> dict[str, Any]:
    """The figures of one store; memory in bytes for each event that waits."""
    with tempfile.TemporaryDirectory() as folder:
        stores = [MemoryStore(folder=Path(folder) if kind == "disk" else None) for _ in range(2)]
        Waiting([MemoryStore(), MemoryStore()], 1).take([event(0), label(0, 1)])  # compiles
        before, parts = _memory(), Waiting(stores, waiting)
        began = process_time()
        for some in _batches(range(waiting)):
            parts.take([event(n) for n in some])
        filled = process_time() - began
        held = _memory() - before
        draw, more = random.Random(1), waiting // 10
        began = process_time()
        for some in _batches(range(waiting, waiting + more)):
            olds = [n - draw.randrange(waiting // 2, waiting * 7 // 8) for n in some]
            labels = [label(old, n) for old, n in zip(olds, some, strict=True)]
            parts.take([each for n, y in zip(some, labels, strict=True) for each in (event(n), y)])
        steady = process_time() - began
        began = process_time()
        for state in parts.states:
            state.release()
        again = Waiting(stores, waiting)
        opened = process_time() - began
        assert len(again) == len(parts)
    return {
        "store": kind,
        "waiting": waiting,
        "bytes_of_memory_per_event": round(held / waiting),
        "us_per_event": round(1e6 * filled / waiting, 2),
        "us_per_event_and_label": round(1e6 * steady / more, 2),
        "open_seconds": round(opened, 2),
    }


def _memory() -> int:
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("RssAnon")))


def main(arguments: list[str]) -> None:
    """One store, one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=("memory", "disk"), default="memory")
    parser.add_argument("--waiting", type=int, default=1_000_000)
    given = parser.parse_args(arguments)
    print(json.dumps(measure(given.store, given.waiting)))


if __name__ == "__main__":
    main(sys.argv[1:])
