"""The benchmark of waiting events does the same work in memory and on disk."""

from __future__ import annotations

from agents.store import MemoryStore
from benchmarks.waiting import BATCH, Waiting, event, measure


def test_it_measures_both_kinds_of_store() -> None:
    memory, disk = (measure(kind, 1_000) for kind in ("memory", "disk"))
    assert (memory["store"], disk["store"]) == ("memory", "disk")
    assert memory.keys() == disk.keys()


def test_as_many_events_wait_as_were_asked_for() -> None:
    parts = Waiting([MemoryStore(), MemoryStore()], 100)
    parts.take([event(n) for n in range(300)])
    assert BATCH > 300
    assert len(parts) == 101  # an event waits through the millisecond of its deadline
    assert sum(1 for _ in parts.states[1].items("row/")) == 101
