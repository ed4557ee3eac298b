"""An inspection tells offsets, lag and learner of each partition, from what is on Kafka."""

import pytest
from confluent_kafka import Consumer, TopicPartition

from agents.state import Checksum
from agents.store import MemoryStore
from app.commands.inspect import as_table, weights_of
from app.inspection import PartitionReport, inspect
from app.kafka.reading import reading
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from app.worker.state.layout import MODEL, POSITION, RECORD, digest_of
from app.worker.state.log import StateLog
from app.worker.state.position import Position, SavedModel
from learners import registry
from learners.model import Model
from learners.saved import snapshots
from learners.weights import weights
from tests.kafka.support import create_topic, phishing, produce


@pytest.fixture
def pipeline(kafka: str, topic_name: str) -> Pipeline:
    """With topics of its own: five events on partition 0, two on partition 1."""
    made = phishing(topic_name)
    create_topic(kafka, made.events.topic, 2)
    create_topic(kafka, made.state_topic, 2)
    for partition, count in enumerate((5, 2)):
        produce(kafka, made.events.topic, [(None, b"{}")] * count, partition)
    return made


def learned(pipeline: Pipeline, events: int) -> Model:
    """The pipeline's model after some events."""
    model = registry.create(pipeline.learner.type, pipeline.learner.params, pipeline.learner.scale)
    for n in range(events):
        model.learn_one({"a": float(n)}, n % 2)
    return model


def save(kafka: str, pipeline: Pipeline, snapshot: bytes, **more: bytes) -> int:
    """Write the state of partition 0 as a worker does, and return its size."""
    log = StateLog(MemoryStore(more))
    rows = log.rows(more) + log.large(MODEL, snapshot)
    learned = SavedModel(snapshots.read_header(snapshot).learned, digest_of(snapshot))
    checksum = Checksum.of(more.items())
    position = Position({}, model=learned, checksum=checksum, extent=log.extent).encode()
    produce(kafka, pipeline.state_topic, rows + log.large(POSITION, position), 0)
    state = {MODEL: snapshot, **more, POSITION: position}
    return sum(len(name) + len(value) for name, value in state.items())


def commit(kafka: str, pipeline: Pipeline, offset: int) -> None:
    """Set the group's offset on partition 0."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": pipeline.group})
    place = TopicPartition(pipeline.events.topic, 0, offset)
    consumer.commit(offsets=[place], asynchronous=False)
    consumer.close()


def reports(
    kafka: str, pipeline: Pipeline, key: bytes | None = None, weights: bool = False
) -> list[PartitionReport]:
    """As `riverrun inspect`."""
    with reading(pipeline, KafkaSettings(kafka)) as reader:
        return inspect(pipeline, reader, key, with_weights=weights)


def test_a_partition_shows_its_offsets_and_its_learner(kafka: str, pipeline: Pipeline) -> None:
    model = learned(pipeline, 3)
    save(kafka, pipeline, snapshots.dump(learned(pipeline, 2), {}))
    snapshot = snapshots.dump(model, {})
    size = save(kafka, pipeline, snapshot, window=b"x" * (RECORD + 1))
    commit(kafka, pipeline, 3)
    first, second = reports(kafka, pipeline)
    assert first == PartitionReport(
        *(0, 3, 5, 2, "passive_aggressive", 3, model.fingerprint(), len(snapshot), size),
        stage=pipeline.events.topic,
    )
    assert second == PartitionReport(
        1, None, 2, 2, None, 0, None, 0, 0, stage=pipeline.events.topic
    )


def test_the_fingerprint_of_a_large_model_is_made_where_it_is_asked_for(
    kafka: str, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = learned(pipeline, 3)
    snapshot, expected = snapshots.dump(model, {}), model.fingerprint()
    save(kafka, pipeline, snapshot)
    with reading(pipeline, KafkaSettings(kafka)) as reader:
        small = inspect(pipeline, reader, fingerprints_up_to=len(snapshot))
        monkeypatch.setattr(Model, "fingerprint", lambda self: pytest.fail("it was made"))
        large = inspect(pipeline, reader, fingerprints_up_to=len(snapshot) - 1)
    assert (small[0].fingerprint, large[0].fingerprint) == (expected, None)
    assert large[0].learned == 3
    assert "not made" in as_table(large).splitlines()[1]
    assert as_table(large).endswith("are made with --fingerprint")
    assert "--fingerprint" not in as_table(small)


def test_the_table_has_a_row_for_each_partition(kafka: str, pipeline: Pipeline) -> None:
    model = learned(pipeline, 3)
    snapshot = snapshots.dump(model, {})
    size = save(kafka, pipeline, snapshot)
    commit(kafka, pipeline, 3)
    header, first, second = as_table(reports(kafka, pipeline)).split("\n")
    assert header.split() == (
        [
            "partition",
            "committed",
            "end",
            "lag",
            "learner",
            "learned",
            "fingerprint",
            "model",
            "state",
        ]
    )
    assert first.split() == [
        *["0", "3", "5", "2", "passive_aggressive", "3"],
        model.fingerprint()[:12],
        *(str(len(snapshot)), "B", str(size), "B"),
    ]
    assert second.split() == ["1", "-", "2", "2", "-", "0", "-", "0", "B", "0", "B"]


def test_a_learner_that_cannot_be_used_is_told_and_the_rest_shown(
    kafka: str, pipeline: Pipeline
) -> None:
    save(kafka, pipeline, snapshots.dump(learned(pipeline, 3), {}, key=b"k"))
    without, _ = reports(kafka, pipeline)
    assert without.fingerprint is None
    assert without.problem == "the snapshot is signed, and no key is configured"
    assert "partition 0: the snapshot is signed" in as_table(reports(kafka, pipeline))
    signed, _ = reports(kafka, pipeline, key=b"k")
    assert (signed.problem, signed.learned) == (None, 3)


def test_the_weights_are_shown_largest_first_where_they_are_asked_for(
    kafka: str, pipeline: Pipeline
) -> None:
    model = learned(pipeline, 0)
    for n in range(6):
        model.learn_one({"small": n % 2 * 0.1 + n, "large": n % 2 * 10.0}, n % 2)
    save(kafka, pipeline, snapshots.dump(model, {}))
    assert reports(kafka, pipeline)[0].weights == ()
    with_weights = reports(kafka, pipeline, weights=True)
    title, header, row, more = weights_of(with_weights, top=1).strip().split("\n")
    (shown,) = weights(model)
    assert title == f"partition 0, weights, intercept {shown.intercept:.6g}"
    assert header.split() == ["feature", "weight", "mean", "std"]
    assert row.split() == ["large", f"{shown.rows[0].value:.6g}", "5", "5"]
    assert more == "... and 1 more (--top 2)"


def test_one_damaged_partition_does_not_hide_the_others(kafka: str, pipeline: Pipeline) -> None:
    save(kafka, pipeline, snapshots.dump(learned(pipeline, 3), {}))
    produce(kafka, pipeline.state_topic, [(b"model", b"m\xc1"), (b"\xff", b"v")], 1)
    first, second = reports(kafka, pipeline)
    assert (first.learned, first.problem) == (3, None)
    assert second.problem is not None
    assert f"{pipeline.state_topic}[1]@0: 'model': its manifest cannot be read" in second.problem
    assert f"{pipeline.state_topic}[1]@1" in second.problem
    assert "partition 1: the state is damaged" in as_table([first, second])
