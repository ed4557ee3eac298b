"""A model goes from one pipeline to another by a file, and its workers go on from there."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from app.cli import main
from app.inspection import inspect
from app.kafka.group import GroupInUse
from app.kafka.reading import reading
from app.model_import import Imported, ImportRefused, import_model
from app.pipeline.load import load_pipeline
from app.worker.state.restore import RestoreRefused
from learners import registry
from learners.model import Model
from learners.saved import snapshots
from tests.kafka.running import (
    Stream,
    assert_equal_to_bare_loop,
    stream,
    synthetic,
    wait_until,
    workers,
)
from tests.kafka.support import read_committed

LEARNER = {"type": "passive_aggressive", "C": 0.01, "scale": True}


def made(kafka: str, folder: Path, name: str, partitions: int = 1, **learner: Any) -> Stream:
    """A pipeline with its topics."""
    return stream(kafka, folder, name, LEARNER | learner, partitions)


def learned(events: Sequence[dict[str, Any]], model: Model | None = None) -> Model:
    """A model that has learned the events, here and without Kafka."""
    model = model or registry.create("passive_aggressive", {"C": 0.01}, scale=True)
    for event in events:
        model.learn_one({k: v for k, v in event.items() if k not in ("id", "y")}, event["y"])
    return model


def run(stream: Stream) -> None:
    """Let a worker do what is there."""
    with workers(stream, None) as (worker,):
        stream.predictions()
        assert worker.stop() == 0


def committed(stream: Stream) -> dict[int, int | None]:
    """The group's offsets."""
    with reading(stream.pipeline, stream.kafka) as reader:
        return reader.committed(stream.pipeline.events.topic)


def test_a_model_goes_by_a_file_into_a_pipeline_that_never_ran(
    kafka: str, topic_name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = made(kafka, tmp_path, f"{topic_name}-a"), made(kafka, tmp_path, topic_name, 2)
    source.send(0, synthetic(1, 40))
    run(source)
    file = tmp_path / "model.riverrun"
    at = ["--bootstrap-servers", kafka]
    with pytest.raises(SystemExit) as left:
        main(["model", "export", str(source.file), "-o", str(file), *at])
    assert left.value.code == 0
    assert "partition 0, 40 events learned" in capsys.readouterr().out
    with pytest.raises(SystemExit) as left:
        main(["model", "import", str(target.file), str(file), "--all", *at])
    assert left.value.code == 0
    assert "workers go on at the start of a new pipeline" in capsys.readouterr().out
    assert committed(target) == {0: None, 1: None}

    target.send(0, synthetic(2, 30))
    target.send(1, synthetic(3, 20))
    run(target)

    predictions = target.predictions()
    for partition, events in enumerate(target.events):
        versions = [predictions[partition, at]["model"]["version"] for at in range(len(events))]
        assert versions == list(range(40, 40 + len(events)))
        model = learned(events, snapshots.load(file.read_bytes(), learned([]))[0])
        assert target.models()[partition].fingerprint() == model.fingerprint()


def test_workers_go_on_with_it_where_the_ones_before_stopped(
    kafka: str, topic_name: str, tmp_path: Path
) -> None:
    target = made(kafka, tmp_path, topic_name, 2)
    for partition in (0, 1):
        target.send(partition, synthetic(partition, 25))
    run(target)
    before = committed(target)
    model = learned(synthetic(7, 100))

    done = import_model(target.pipeline, target.kafka, snapshots.dump(model, {}), [1])

    assert done == [Imported(1, before[1], 25, 100)]
    assert committed(target) == before
    with reading(target.pipeline, target.kafka) as reader:
        first, second = inspect(target.pipeline, reader)
    assert (first.learned, second.learned) == (25, 100)
    assert second.fingerprint == model.fingerprint()
    more = synthetic(8, 30)
    target.send(1, more)
    run(target)
    assert target.models()[1].fingerprint() == learned(more, model).fingerprint()
    assert target.predictions()[1, 25]["model"]["version"] == 100


def test_a_running_worker_keeps_a_model_out(kafka: str, topic_name: str, tmp_path: Path) -> None:
    target = made(kafka, tmp_path, topic_name)
    target.send(0, synthetic(1, 20))
    with workers(target, None):
        target.predictions()
        with pytest.raises(GroupInUse, match="has 1 member: stop the workers first"):
            import_model(target.pipeline, target.kafka, snapshots.dump(learned([]), {}))
        target.send(0, synthetic(2, 20))
        wait_until(lambda: len(target.predictions()) == 40)
    assert_equal_to_bare_loop(target, LEARNER)


@pytest.mark.parametrize(
    ("type_", "params", "scale", "named"),
    [
        ("svm", {}, True, "type 'svm' instead of 'passive_aggressive'"),
        ("passive_aggressive", {"C": 1.0}, True, "params {'C': 1.0} instead of {'C': 0.01}"),
        ("passive_aggressive", {"C": 0.01}, False, "scale False instead of True"),
    ],
)
def test_another_learner_is_refused_by_what_differs(
    kafka: str,
    topic_name: str,
    tmp_path: Path,
    type_: str,
    params: dict[str, Any],
    scale: bool,
    named: str,
) -> None:
    target = made(kafka, tmp_path, topic_name)
    other = snapshots.dump(registry.create(type_, params, scale), {})
    with pytest.raises(ImportRefused) as refusal:
        import_model(target.pipeline, target.kafka, other)
    assert named in str(refusal.value)
    assert read_committed(kafka, target.pipeline.state_topic) == []


def test_a_partition_that_is_not_there_is_refused(
    kafka: str, topic_name: str, tmp_path: Path
) -> None:
    target = made(kafka, tmp_path, topic_name, 2)
    with pytest.raises(ImportRefused, match="has the partitions 0 to 1, not 2"):
        import_model(target.pipeline, target.kafka, snapshots.dump(learned([]), {}), [2])


def test_a_state_that_disagrees_with_its_offset_is_refused(
    kafka: str, topic_name: str, tmp_path: Path
) -> None:
    target = made(kafka, tmp_path, topic_name)
    target.send(0, synthetic(1, 20))
    run(target)
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": target.pipeline.group})
    moved = TopicPartition(target.pipeline.events.topic, 0, 5)
    consumer.commit(offsets=[moved], asynchronous=False)
    consumer.close()
    with pytest.raises(RestoreRefused, match=r"up to offset 20, .* committed offset is 5"):
        import_model(target.pipeline, target.kafka, snapshots.dump(learned([]), {}))


def test_a_worker_with_a_name_may_start_at_once_after_an_import(
    kafka: str, topic_name: str, tmp_path: Path
) -> None:
    target = made(kafka, tmp_path, topic_name)
    named = load_pipeline(target.file, {"worker.name": "w"})
    data = snapshots.dump(learned(synthetic(1, 10)), {})
    for _ in range(2):  # the first has left no member behind
        (done,) = import_model(named, target.kafka, data)
    assert done == Imported(0, None, 10, 10)
