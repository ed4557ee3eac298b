"""Through Kafka or through a bare loop: the same predictions, the same model."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import ExitStack
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


@pytest.fixture(scope="module", params=[1, 3], ids=["1-partition", "3-partitions"])
def streams(
    request: pytest.FixtureRequest, kafka: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Stream]:
    """A stream for each learner, all processed at the same time."""
    done = {}
    with ExitStack() as stack:
        started = []
        for learner, spec in LEARNERS.items():
            folder = tmp_path_factory.mktemp(learner)
            name = f"{learner}-{uuid.uuid4().hex[:8]}"
            done[learner] = stream(kafka, folder, name, spec, request.param)
            for partition in range(request.param):
                done[learner].send(partition, synthetic(partition, 700))
            started += stack.enter_context(workers(done[learner], "a"))
        for pipeline in done.values():
            pipeline.predictions()
        for worker in started:
            worker.process.terminate()
        assert [worker.process.wait(30) for worker in started] == [0] * len(started)
    return done


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_stream_gives_what_a_bare_loop_gives(streams: dict[str, Stream], learner: str) -> None:
    assert_equal_to_bare_loop(streams[learner], LEARNERS[learner])


RIVER: dict[str, Callable[[], Any]] = {
    "logistic": lambda: preprocessing.StandardScaler() | linear_model.LogisticRegression(),
    "passive-aggressive": lambda: (
        preprocessing.StandardScaler() | linear_model.PAClassifier(C=0.01)
    ),
    "tree": lambda: tree.HoeffdingTreeClassifier(grace_period=50),
}


@pytest.mark.parametrize("learner", RIVER)
def test_the_stream_gives_what_river_itself_gives(streams: dict[str, Stream], learner: str) -> None:
    pipeline = streams[learner]
    predictions = pipeline.predictions()
    for partition, events in enumerate(pipeline.events):
        river = RIVER[learner]()
        for offset, event in enumerate(events):
            x = {k: v for k, v in event.items() if k.startswith("x")}
            got = predictions[partition, offset]
            assert got["prediction"] == river.predict_one(x)
            expected = river.predict_proba_one(x).get(True)
            assert got["score"] == (None if expected is None else pytest.approx(expected, abs=1e-9))
            river.learn_one(x, event["y"])
