"""Through Kafka or through a bare loop: the same predictions, the same model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from river import linear_model, preprocessing, tree

from tests.kafka.running import (
    Stream,
    assert_equal_to_bare_loop,
    stream,
    synthetic,
    workers,
)

LEARNERS: dict[str, dict[str, Any]] = {
    "passive-aggressive": {"type": "passive_aggressive", "C": 0.01, "scale": True},
    "svm": {"type": "svm"},
    "k-means": {"type": "k_means", "n_clusters": 3},
    "logistic": {"type": "river.linear_model.LogisticRegression", "scale": True},
    "tree": {"type": "river.tree.HoeffdingTreeClassifier", "grace_period": 50},
}


def run(kafka: str, folder: Path, name: str, learner: dict[str, Any], partitions: int) -> Stream:
    pipeline = stream(kafka, folder, name, learner, partitions)
    for partition in range(partitions):
        pipeline.send(partition, synthetic(partition, 700))
    with workers(pipeline, "a") as (worker,):
        pipeline.predictions()
        assert worker.stop() == 0
    return pipeline


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("learner", LEARNERS)
def test_the_stream_gives_what_a_bare_loop_gives(
    kafka: str, tmp_path: Path, topic_name: str, learner: str, partitions: int
) -> None:
    pipeline = run(kafka, tmp_path, topic_name, LEARNERS[learner], partitions)
    assert_equal_to_bare_loop(pipeline, LEARNERS[learner])


RIVER: dict[str, Callable[[], Any]] = {
    "logistic": lambda: preprocessing.StandardScaler() | linear_model.LogisticRegression(),
    "passive-aggressive": lambda: (
        preprocessing.StandardScaler() | linear_model.PAClassifier(C=0.01)
    ),
    "tree": lambda: tree.HoeffdingTreeClassifier(grace_period=50),
}


@pytest.mark.parametrize("learner", RIVER)
def test_the_stream_gives_what_river_itself_gives(
    kafka: str, tmp_path: Path, topic_name: str, learner: str
) -> None:
    pipeline = run(kafka, tmp_path, topic_name, LEARNERS[learner], 1)
    river, predictions = RIVER[learner](), pipeline.predictions()
    for offset, event in enumerate(pipeline.events[0]):
        x = {k: v for k, v in event.items() if k.startswith("x")}
        got = predictions[0, offset]
        assert got["prediction"] == river.predict_one(x)
        expected = river.predict_proba_one(x).get(True)
        assert got["score"] == (None if expected is None else pytest.approx(expected, abs=1e-9))
        river.learn_one(x, event["y"])
