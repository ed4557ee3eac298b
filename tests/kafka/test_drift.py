"""A pipeline whose learner drifts and is swapped: killed once, and equal to the bare loop."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.inspection import inspect
from app.kafka.reading import reading
from tests.kafka.running import assert_equal_to_bare_loop, stream, synthetic, workers

DRIFT = {
    "detector": "adwin",
    "delta": 0.01,
    "warning": 0.3,
    "reaction": "swap",
    "window": 100,
}
LEARNER = {"type": "passive_aggressive", "C": 0.001, "scale": True, "drift": DRIFT}


@pytest.mark.long
@pytest.mark.timeout(120)
def test_killed_between_warning_and_swap_it_is_equal_to_the_bare_loop(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    pipeline = stream(kafka, tmp_path, topic_name, LEARNER)
    before, after = synthetic(1, 3000), synthetic(2, 3000)
    turned = [{**event, "y": not event["y"]} for event in after]
    with workers(pipeline, "a") as (worker,):
        pipeline.send(0, before + turned[:20])
        pipeline.predictions()
        worker.kill()
        (model,) = pipeline.models()
        assert model.estimator.state()["rival"] is not None
        assert model.drifts == 0
        worker.start()
        pipeline.send(0, turned[20:])
        assert_equal_to_bare_loop(pipeline, LEARNER)
        assert worker.stop() == 0
        (model,) = pipeline.models()
        told = f"1 drift (swap), the last at learned event {model.last_drift:,}"
        assert told in worker.log
    with reading(pipeline.pipeline, pipeline.kafka) as reader:
        (report,) = inspect(pipeline.pipeline, reader)
    assert (report.drifts, report.last_drift) == (1, model.last_drift)
    assert report.fingerprint == model.fingerprint()
