"""What a million events that wait for their labels cost: in memory, and in RocksDB.

python -m benchmarks.waiting [--store rocksdb] [--waiting 1000000]

Two parts of a pipeline are fed as its stages feed them, one event a millisecond, without Kafka:
the join, which keeps an event until it expires, and the rows of 15 features. When as many wait as
shall, a tenth more events come, each with a label of an event that came some time before, at
random; the first ones expire. Then a new state is opened from the store, as after a restore.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from agents.labels.join import JoinSettings, LabelJoin
from agents.labels.reader import ParsedLabel
from agents.labels.waiting import WaitingRows
from agents.operations import DROP, EVENT, ParsedEvent
from agents.state import State
from agents.store import MemoryStore, Store
from app.worker.state.rocks import RocksMemory, RocksStore
from learners.labels import check_label

FEATURES = 15
COMMIT = 5000
"""Events between two commits."""
START = 1_500_000_000_000
RECORD: Any = None
"""Nothing looks at the records."""


class Timed(State):
    """A state that is used in the usual way; its clock runs while the store works."""

    calls = 0
    seconds = 0.0

    def get(self, key: str) -> bytes | None:
        began = perf_counter()
        value = super().get(key)
        self.seconds += perf_counter() - began
        self.calls += 1
        return value

    def put(self, key: str, value: bytes) -> None:
        began = perf_counter()
        super().put(key, value)
        self.seconds += perf_counter() - began
        self.calls += 1

    def delete(self, key: str) -> None:
        began = perf_counter()
        super().delete(key)
        self.seconds += perf_counter() - began
        self.calls += 1


class Waiting:
    """The two parts over one state."""

    def __init__(self, store: Store, waiting: int) -> None:
        self.state = Timed(store)
        settings = JoinSettings(waiting, max_waiting=2 * waiting, keep=("card", "terminal"))
        self._join = LabelJoin(settings, self.state, lambda y: check_label("binary", y))
        self._rows = WaitingRows(self.state, tuple(f"x{i}" for i in range(FEATURES)))
        self._values = np.random.default_rng(1).normal(size=(1000, FEATURES))

    def __len__(self) -> int:
        return len(self._join)

    def event(self, n: int) -> None:
        """An event comes and is scored."""
        fields = {"card": n % 4999, "terminal": n % 9973}
        self._step(ParsedEvent(_id(n), START + n, fields, RECORD))
        self._rows.put(_id(n), self._values[n % 1000].tobytes())
        if n % COMMIT == 0:
            self.commit()

    def label(self, n: int, now: int) -> None:
        """The label of an event comes."""
        self._step(ParsedLabel(_id(n), n % 9 == 0, None, 1, START + now, RECORD))

    def commit(self) -> None:
        """What changed is written."""
        self._join.save()
        self.state.changes()

    def _step(self, arrived: ParsedEvent | ParsedLabel) -> None:
        rows, _ = self._join.step(arrived)
        for kind, _, _, id_, *_ in rows:
            if kind != EVENT:
                self._rows.get(id_)
            if kind == DROP:
                self._rows.delete(id_)


def _id(n: int) -> str:
    return f"payment-{n:07}"


@contextmanager
def store_of(kind: str) -> Iterator[Store]:
    """An empty store."""
    with tempfile.TemporaryDirectory() as folder:
        store = MemoryStore()
        made: Store = store if kind == "memory" else RocksStore(Path(folder) / "db", RocksMemory())
        yield made
        made.close()


def measure(kind: str, waiting: int) -> dict[str, Any]:
    """The figures of one store; memory in bytes for each event that waits."""
    with store_of(kind) as store:
        before, parts = _rss(), Waiting(store, waiting)
        for n in range(waiting):
            parts.event(n)
        parts.commit()
        filled = _figures(parts.state, waiting, "fill")
        held = _rss() - before
        draw, more = random.Random(1), waiting // 10
        for n in range(waiting, waiting + more):
            parts.event(n)
            parts.label(n - draw.randrange(waiting // 2, waiting * 7 // 8), n)
        parts.commit()
        steady = _figures(parts.state, more, "event_and_label")
        began = perf_counter()
        again = Waiting(store, waiting)
        opened = perf_counter() - began
        assert len(again) == len(parts)
    return {
        "store": kind,
        "waiting": waiting,
        "bytes_of_memory_per_event": round(held / waiting),
        **filled,
        **steady,
        "open_seconds": round(opened, 1),
    }


def _figures(state: Timed, events: int, name: str) -> dict[str, float]:
    row = {
        f"{name}_store_us": round(1e6 * state.seconds / events, 1),
        f"{name}_calls": round(state.calls / events, 1),
        f"{name}_us_per_call": round(1e6 * state.seconds / state.calls, 2),
    }
    state.calls, state.seconds = 0, 0.0
    return row


def _rss() -> int:
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmRSS")))


def main(arguments: list[str]) -> None:
    """One store, one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=("memory", "rocksdb"), default="memory")
    parser.add_argument("--waiting", type=int, default=1_000_000)
    given = parser.parse_args(arguments)
    print(json.dumps(measure(given.store, given.waiting)))


if __name__ == "__main__":
    main(sys.argv[1:])
