"""Steps before a learner, on a broker: killed in the middle, they end as a bare loop would."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from tests.kafka.running import assert_equal_to_bare_loop, stream, synthetic, wait_until, workers
from tests.kafka.support import read_committed

LANDS = ("de", "fr", "it", "es", "pt", "nl")
STEPS = [
    {"type": "one_hot", "features": ["land"], "limit": 4},
    {"type": "select_by_information", "k": 6},
]
LEARNERS: dict[str, dict[str, Any]] = {
    "ours": {"type": "passive_aggressive", "C": 0.01, "scale": True, "steps": STEPS},
    "rivers": {"type": "river.naive_bayes.GaussianNB", "steps": STEPS},
}


SLOW = {"worker": {"max_batch": 100}}  # many commits, so that the kill comes between two


def with_lands(seed: int, count: int) -> list[dict[str, Any]]:
    """Synthetic events with a category that says something about the class."""
    draw = random.Random(seed)
    events = []
    for event in synthetic(seed, count):
        land = draw.choice(LANDS[:2]) if event["y"] and draw.random() < 0.6 else draw.choice(LANDS)
        events.append({**event, "land": land})
    return events


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.parametrize("which", LEARNERS)
def test_steps_survive_a_kill_9(kafka: str, tmp_path: Path, topic_name: str, which: str) -> None:
    learner = LEARNERS[which]
    features = {"features": ["x0", "x1", "x2", "x3", "x4", "land"]}
    pipeline = stream(kafka, tmp_path, topic_name, learner, 2, events=features, **SLOW)
    topic = pipeline.pipeline.predictions.topic
    with workers(pipeline, "a") as (worker,):
        for part in range(2):
            pipeline.send(part, with_lands(part, 1500))
        wait_until(lambda: len(read_committed(kafka, topic)) > 0, what="the first predictions")
        worker.kill()
        worker.start()
        for part in range(2):
            pipeline.send(part, with_lands(10 + part, 1500))
        assert_equal_to_bare_loop(pipeline, learner)
        assert worker.stop() == 0
