"""One learner for all partitions on a real broker: workers are killed, and the log decides."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from agents.labels.waiting import join
from agents.shared.rows import RowBlock
from app.inspection import inspect
from app.kafka.reading import reading
from app.model_files import exported
from app.model_import import import_model
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


def history(*, by_id: bool) -> tuple[dict[int, dict[str, Any]], list[Sent], list[Sent]]:
    """Events a millisecond apart, and their labels two seconds later, on any partition by id."""
    draw, features, events, labels = random.Random(3), {}, [], []
    for n in range(EVENTS):
        x = features[n] = {"a": draw.gauss(0, 1), "b": draw.random()}
        partition, key = n % PARTITIONS, f"card-{n % PARTITIONS}".encode()
        events.append(Sent(n, {"id": n, "card": n % PARTITIONS, **x}, partition, key))
        truth = {"id": n, "y": x["a"] > x["b"]}
        other = draw.randrange(PARTITIONS), str(n).encode()
        labels.append(Sent(n + 2_000, truth, *(other if by_id else (partition, key))))
    return features, events, labels


def imported(stream: Stream) -> Model:
    """A model of elsewhere, which the pipeline begins with."""
    model = new_model(stream.pipeline)
    model.run(Rows.from_dicts([{"a": 1.0, "b": 0.5}, {"a": -1.0, "b": 0.5}]), [True, False])
    import_model(stream.pipeline, stream.kafka, snapshots.dump(model, {}))
    return model


def learned_offline(stream: Stream, model: Model) -> Model:
    """The plain loop: one row after another, in the order of the log of rows."""
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


@pytest.mark.parametrize("labels_key", ["", 'key = "id"'])
def test_workers_are_killed_and_the_model_is_that_of_the_log_of_rows(
    kafka: str, tmp_path: Path, topic_name: str, labels_key: str
) -> None:
    more = 'shared = "learner"\nscale = true'
    stream = late(
        kafka, tmp_path, topic_name, "logistic_regression", more,
        partitions=PARTITIONS, events='features = ["a", "b"]', labels=labels_key,
    )  # fmt: skip
    begun = imported(stream)
    features, events, labels = history(by_id=bool(labels_key))
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
    model = learned_offline(stream, begun)
    assert model.learned == EVENTS + 2
    assert learner == model.fingerprint()
    made = versions(stream)
    assert min(made) == 2
    with reading(stream.pipeline, stream.kafka) as reader:
        _, snapshot = exported(stream.pipeline, reader)
        *scorers, report = inspect(stream.pipeline, reader)
    assert (report.versions, report.learned) == (len(made), EVENTS + 2)
    assert report.fingerprint == learner == snapshots.load(snapshot, begun)[0].fingerprint()
    assert report.written is not None
    assert all(scorer.learner is None and scorer.versions is None for scorer in scorers)
    for prediction in list(predictions.values())[::7]:
        row = Rows.from_dicts([features[prediction["id"]]])
        version = made[prediction["model"]["version"]]
        assert version.run(row, [UNLABELLED]).scores == [prediction["score"]]
    assert len({p["model"]["version"] for p in predictions.values()}) > 3
