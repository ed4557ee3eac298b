"""Both stores do the same work in the benchmark of waiting events."""

from __future__ import annotations

from agents.store import MemoryStore
from app.worker.state.rocks import RocksStore
from benchmarks.waiting import Waiting, measure, store_of


def test_each_kind_of_store_is_the_one_that_is_measured() -> None:
    with store_of("memory") as memory, store_of("rocksdb") as rocks:
        assert isinstance(memory, MemoryStore)
        assert isinstance(rocks, RocksStore)


def test_both_stores_get_the_same_calls() -> None:
    memory, rocks = (measure(kind, 1_000) for kind in ("memory", "rocksdb"))
    calls = [key for key in memory if key.endswith("_calls")]
    assert len(calls) == 2
    assert [memory[key] for key in calls] == [rocks[key] for key in calls]


def test_as_many_events_wait_as_were_asked_for() -> None:
    with store_of("memory") as store:
        parts = Waiting(store, 100)
        for n in range(300):
            parts.event(n)
        assert len(parts) == 101  # an event waits through the millisecond of its deadline
        assert sum(1 for _ in parts.state.items("row/")) == 101
