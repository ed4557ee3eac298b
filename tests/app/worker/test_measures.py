"""What a worker measures: each event once, and only what was committed."""

from __future__ import annotations

from pathlib import Path

from app.worker.measures import Histogram, Latency, Rejected
from tests.app.support import batch, opened
from topics.dead_letters import PREFIX
from topics.records import Outgoing


def test_a_value_on_a_bound_belongs_to_the_bucket_below_it() -> None:
    seen = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 9.0):
        seen.observe(value)
    seen.observe(9.0, 10)
    assert seen.said() == {"bounds": (1.0, 2.0), "counts": [2, 2, 11], "sum": 104.0}


def test_events_count_from_their_timestamp_to_the_commit() -> None:
    latency = Latency(lambda: 100.5)
    latency.committed([(100_000, 3), (98_500, 4)])
    assert latency.said()["sum"] == 3 * 0.5 + 4 * 2.0
    assert sum(latency.said()["counts"]) == 7


def test_a_processor_notes_the_predictions_of_each_batch(tmp_path: Path) -> None:
    with_tasks = opened(tmp_path, 0)
    with_tasks.process(batch(count=3))
    with_tasks.process(batch(first=3, count=4, number=1))
    assert with_tasks.assignment.predicted == [(1_000, 3), (1_000, 4)]
    assert with_tasks.processor.counters.last_learned is not None


def test_letters_are_counted_by_their_stage() -> None:
    rejected = Rejected()
    stages = ("decode", "learn", "learn")
    rejected.add(Outgoing("d", None, None, None, [(PREFIX + "stage", s.encode())]) for s in stages)
    assert rejected.by_stage == {"decode": 1, "learn": 2}
