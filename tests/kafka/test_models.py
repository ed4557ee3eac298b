"""Models that are large, and models that are signed, live on the state topic as any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.pipeline.models import new_model
from app.worker.state.layout import MODEL
from learners.saved import snapshots
from tests.kafka.running import (
    Stream,
    assert_equal_to_bare_loop,
    restored,
    stream,
    synthetic,
    workers,
)


@pytest.mark.long
def test_a_model_that_grows_and_shrinks_over_many_records_survives_kills(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    learner = {"type": "tests.kafka.learners:Breathing"}
    pipeline = stream(kafka, tmp_path, topic_name, learner)
    with workers(pipeline, "a") as (worker,):
        for i in range(3):
            pipeline.send(0, synthetic(i, 80))
            pipeline.predictions()
            if i < 2:
                worker.kill()
                worker.start()
        assert_equal_to_bare_loop(pipeline, learner)
        assert worker.stop() == 0


def test_a_river_model_is_signed_with_the_key_and_read_with_no_other(
    kafka: str, tmp_path: Path, topic_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = {"type": "river.tree.HoeffdingTreeClassifier", "grace_period": 50}
    pipeline = stream(kafka, tmp_path, topic_name, learner)
    pipeline.send(0, synthetic(0, 300))
    monkeypatch.setenv("RIVERRUN_SNAPSHOT_KEY", "secret")
    with workers(pipeline, "a") as (worker,):
        pipeline.predictions()
        worker.kill()
        pipeline.send(0, synthetic(1, 300))
        worker.start()
        pipeline.predictions()
        assert worker.stop() == 0
    model, header = snapshots.load(saved(pipeline), new_model(pipeline.pipeline), key=b"secret")
    assert (header.body, model.learned) == ("structure", 600)
    monkeypatch.setenv("RIVERRUN_SNAPSHOT_KEY", "other")
    with workers(pipeline, "b") as (worker,):
        assert worker.process.wait(30) == 1
        assert "signed with another key" in worker.log
        assert "Traceback" not in worker.log


def saved(pipeline: Stream) -> bytes:
    """The model on the state topic, as bytes."""
    states = restored(pipeline.pipeline, pipeline.kafka, [0])
    return states[0].entries.get(MODEL) or b""
