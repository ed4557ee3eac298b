"""One learner for all partitions on a real broker: workers are killed, and the log decides."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from agents.labels.waiting import join
from agents.shared.rows import RowBlock
from app.pipeline.models import new_model
from app.worker.state.layout import MODEL
from learners.engine.rows import Rows
from learners.model import UNLABELLED, Model
from learners.saved import snapshots
from tests.kafka.late import Sent, late, said, send_all, state, wait_for_all
from tests.kafka.running import Stream, wait_until, workers
from tests.kafka.support import read_committed

PARTITIONS, EVENTS = 4, 3_000
NAMES = ("a", "b")


def history() -> tuple[dict[int, dict[str, Any]], list[Sent], list[Sent]]:
    """Events a millisecond apart, and their labels two seconds later."""
    draw, features, events, labels = random.Random(3), {}, [], []
    for n in range(EVENTS):
        x = features[n] = {"a": draw.gauss(0, 1), "b": draw.random()}
        partition, key = n % PARTITIONS, f"card-{n % PARTITIONS}".encode()
        events.append(Sent(n, {"id": n, "card": n % PARTITIONS, **x}, partition, key))
        truth = {"id": n, "y": x["a"] > x["b"]}
        labels.append(Sent(n + 2_000, truth, partition, key))
    return features, events, labels


def learned_offline(stream: Stream) -> Model:
    """The plain loop: one row after another, in the order of the log of rows."""
    model = new_model(stream.pipeline)
    for record in read_committed(stream.bootstrap, stream.pipeline.rows_topic):
        block = RowBlock.decode(record.value() or b"")
        for row, label in zip(block.rows, block.labels, strict=True):
            model.run(join([row], NAMES), [label])
    return model


def versions(stream: Stream) -> dict[int, Model]:
    """All versions that are on Kafka, by the rows that each has learned."""
    records = read_committed(stream.bootstrap, stream.pipeline.versions_topic)
    found = [(r.value() or b"")[1:] for r in records if (r.key() or b"").endswith(b"model")]
    models = [snapshots.load(one, new_model(stream.pipeline))[0] for one in found]
    return {model.learned: model for model in models}


def test_workers_are_killed_and_the_model_is_that_of_the_log_of_rows(
    kafka: str, tmp_path: Path
) -> None:
    more = 'shared = "learner"\nscale = true'
    stream = late(
        kafka, tmp_path, "shared", "logistic_regression", more,
        partitions=PARTITIONS, events='features = ["a", "b"]',
    )  # fmt: skip
    features, events, labels = history()
    with workers(stream, "one", "two", **{"worker.session_timeout": "6s"}) as (one, two):
        wait_until(lambda: all("partitions [" in worker.log for worker in (one, two)))
        send_all(stream, events[:2_000], labels[:1_200], seed=1)
        for victim in (one, two):  # one of the two has the learner
            victim.kill()
            victim.start()
        send_all(stream, events[2_000:], labels[1_200:], seed=2)
        wait_for_all(stream)
        for worker in (one, two):
            worker.stop()
    predictions = said(stream)
    assert len(predictions) == EVENTS
    learner = state(stream)[0][MODEL].decode()
    model = learned_offline(stream)
    assert model.learned == EVENTS
    assert learner == model.fingerprint()
    made = {0: new_model(stream.pipeline)} | versions(stream)
    for prediction in list(predictions.values())[::7]:
        row = Rows.from_dicts([features[prediction["id"]]])
        version = made[prediction["model"]["version"]]
        assert version.run(row, [UNLABELLED]).scores == [prediction["score"]]
    assert len({p["model"]["version"] for p in predictions.values()}) > 3
