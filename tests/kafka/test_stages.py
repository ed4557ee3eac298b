"""The stages of an event are timed on the worker's own parts, and none is left out."""

import json

import pytest

from benchmarks import stages
from benchmarks.stages import STAGES, Watch
from benchmarks.topics import fill, outputs
from tests.kafka.support import read_committed


@pytest.mark.parametrize("format", ["json", "msgpack"])
def test_every_stage_takes_its_time_and_all_events_get_their_prediction(
    kafka: str, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "BATCH", 500)
    events = fill(kafka, 5, 3_000, format)
    topic = outputs(kafka, "stages")
    monkeypatch.setattr(stages, "outputs", lambda *_: topic)

    took = stages.measure(kafka, events)

    assert set(took) == {(clock, stage) for clock in ("wall", "cpu") for stage in STAGES}
    assert all(took["wall", stage] > 0.0 for stage in STAGES)
    assert took["cpu", "commit"] < took["wall", "commit"]
    said = [json.loads(record.value() or b"") for record in read_committed(kafka, topic)]
    assert [p["source"]["offset"] for p in said] == list(range(3_000))
    assert [p["model"]["version"] for p in said] == list(range(3_000))


def test_a_stage_inside_another_counts_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(stages, "CLOCKS", {"wall": lambda: now[0], "cpu": lambda: 0.0})
    watch = Watch()

    def pass_time(seconds: float) -> None:
        now[0] += seconds

    inner = watch.timed("inner", lambda: pass_time(3.0))

    def work() -> None:
        pass_time(1.0)
        inner()

    watch.timed("outer", work)()
    assert watch.seconds["wall", "inner"] == 3.0
    assert watch.seconds["wall", "outer"] == 1.0
    assert watch.seconds["cpu", "inner"] == 0.0
