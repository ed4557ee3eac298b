"""Puts a model from elsewhere in the place of a pipeline's own, in one transaction.

The import is, for a moment, the only member of the pipeline's group: no worker can have a
partition meanwhile, and one that starts restores after the import has left. Only the model
changes. The position in the state and the committed offset stay what they were, so that the rule
of every restore holds: they are equal, or there is neither.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from app.errors import RiverrunError
from app.kafka.admin import ensure_topics
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from app.pipeline.stages import stages
from app.worker.clients import group_consumer, restore_consumer, transactional_producer
from app.worker.position import MODEL, POSITION, Position, SavedModel
from app.worker.processor import Processor
from app.worker.restore import Restored, Restorer
from app.worker.state_topic import StateLog
from app.worker.tasks import Change
from app.worker.transactions import OutputTopics, Transactions
from learners import snapshots
from learners.errors import LearnerError
from learners.model import Model

JOIN_SECONDS = 30.0
"""How long the group may take to let the import in."""


class ImportRefused(RiverrunError):
    """The model cannot be put there, or not now. Nothing was changed."""


@dataclass(frozen=True)
class Imported:
    """What was done to one partition.

    Attributes:
        partition: Its number.
        offset: Where its workers go on; None: where those of a new pipeline start.
        before: Events that the model before had learned; None where there was none.
        learned: Events that the model now there has learned.
    """

    partition: int
    offset: int | None
    before: int | None
    learned: int


def import_model(
    pipeline: Pipeline,
    kafka: KafkaSettings,
    snapshot: bytes,
    partitions: Sequence[int] | None = None,
    key: bytes | None = None,
) -> list[Imported]:
    """Put the model of a snapshot into partitions of a pipeline that has no running worker.

    1. check the model; 2. see that no worker runs; 3. join the group, alone; 4. restore, as a
    worker does; 5. write the models in one transaction, fenced by the group's generation.

    Args:
        pipeline: Whose model it becomes; its topics are created where they lack.
        kafka: Reaches the cluster.
        snapshot: As `learners.snapshots.dump` gave it.
        partitions: Which ones; all for None.
        key: Signs and checks snapshots.

    Raises:
        ImportRefused: When the model is not one of this pipeline, a worker runs, or there is
            no such partition.
        RestoreRefused: When state and committed offset already disagree.
        TransactionAborted, TransactionLost: See `Transactions`; after the first nothing has
            changed.
    """
    # 1. check the model
    model = _checked(pipeline, snapshot, key)
    ensure_topics(pipeline, kafka)
    # 2. see that no worker runs
    _require_no_members(pipeline, kafka)
    # 3. join the group, alone
    with _only_member(pipeline, kafka) as (there, group):
        chosen = there if partitions is None else list(partitions)
        if missing := set(chosen) - set(there):
            raise ImportRefused(
                f"{stages(pipeline)[-1].inputs[0]} has the partitions {there[0]} to {there[-1]},"
                f" not {min(missing)}"
            )
        # 4. restore, as a worker does
        states = _restored(pipeline, kafka, chosen)
        # 5. write the models in one transaction
        changes = [_change(pipeline, p, state, model, key) for p, state in states.items()]
        transactions = Transactions(
            transactional_producer(pipeline, kafka, "model/import"),
            OutputTopics(pipeline.predictions.topic, True),
        )
        transactions.start()
        transactions.commit(changes, group)
    return [_imported(p, state, model) for p, state in states.items()]


def _checked(pipeline: Pipeline, snapshot: bytes, key: bytes | None) -> Model:
    try:
        model, header = snapshots.load(snapshot, key=key, allow=pipeline.snapshots.allow)
        snapshots.require_same(header, Processor(pipeline).new_model())
    except LearnerError as error:
        raise ImportRefused(f"the model does not fit {pipeline.name}: {error}") from error
    return model


def _require_no_members(pipeline: Pipeline, kafka: KafkaSettings) -> None:
    admin = AdminClient(kafka.admin())  # lives until the answer is there
    asked = admin.describe_consumer_groups([pipeline.group], request_timeout=JOIN_SECONDS)
    try:
        members = len(asked[pipeline.group].result().members)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.GROUP_ID_NOT_FOUND:
            raise
        members = 0
    if members:
        raise ImportRefused(
            f"the group {pipeline.group} has {members} member{'s' if members > 1 else ''}: stop"
            f" the workers first (one that was killed counts for"
            f" {pipeline.worker.session_timeout:g} s more)"
        )


@contextmanager
def _only_member(pipeline: Pipeline, kafka: KafkaSettings) -> Iterator[tuple[list[int], Any]]:
    """The partitions of the input, ascending, and the group's metadata."""
    # A member with a name would stay in the group after it has left.
    named = group_consumer(pipeline, kafka)
    consumer = Consumer({k: v for k, v in named.items() if k != "group.instance.id"})
    got: list[tuple[list[int], Any]] = []

    def assigned(_: Consumer, places: Sequence[TopicPartition]) -> None:
        got.append(
            (sorted(place.partition for place in places), consumer.consumer_group_metadata())
        )
        consumer.assign([])  # nothing is read

    with closing(consumer):
        topic = stages(pipeline)[-1].inputs[0]
        count = len(consumer.list_topics(topic, timeout=JOIN_SECONDS).topics[topic].partitions)
        consumer.subscribe([topic], on_assign=assigned)
        deadline = time.monotonic() + JOIN_SECONDS
        while not got:
            consumer.poll(0.1)
            if time.monotonic() > deadline:
                raise ImportRefused(f"the group {pipeline.group} let no member in")
        if len(got[0][0]) < count:
            raise ImportRefused(f"a worker of {pipeline.group} has started: stop it first")
        yield got[0]


def _restored(
    pipeline: Pipeline, kafka: KafkaSettings, partitions: Sequence[int]
) -> dict[int, Restored]:
    last = stages(pipeline)[-1]
    restorer = Restorer(
        restore_consumer(pipeline, kafka),
        kafka.admin(),
        last.inputs,
        last.state_topic,
    )
    with closing(restorer):
        return restorer.restore(partitions)


def _change(
    pipeline: Pipeline, partition: int, state: Restored, model: Model, key: bytes | None
) -> Change:
    known = {topic: at for topic, at in state.offsets.items() if at is not None}
    log, snapshot = StateLog(state.chunks), snapshots.dump(model, known, key)
    rows = log.rows({MODEL: snapshot})
    saved = SavedModel(model.learned, log.sha256(MODEL, snapshot))
    position = Position(known, state.topic_ids, saved, state.checksum)
    rows += log.rows({POSITION: position.encode()})
    # librdkafka passes over an offset that is none: what was never committed stays so.
    offsets = {topic: known.get(topic, OFFSET_INVALID) for topic in state.offsets}
    return Change(partition, offsets, [], pipeline.state_topic, rows, 0)


def _imported(partition: int, state: Restored, model: Model) -> Imported:
    old = state.entries.get(MODEL)
    before = None if old is None else snapshots.read_header(old).learned
    offset = next(iter(state.offsets.values()))
    return Imported(partition, offset, before, model.learned)
