"""Puts a model from elsewhere in the place of a pipeline's own, in one transaction.

The import is, for a moment, the only member of the pipeline's group: no worker can have a
partition meanwhile, and one that starts restores after the import has left. Only the model
changes. The position in the state and the committed offset stay what they were, so that the rule
of every restore holds: they are equal, or there is neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from confluent_kafka import OFFSET_INVALID

from agents.state_keys import MIXED
from agents.store import MemoryStore
from app.errors import RiverrunError
from app.kafka.admin import ensure_topics
from app.kafka.clients import restore_consumer
from app.kafka.group import only_member, require_no_members
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from app.pipeline.models import new_model
from app.pipeline.stages import mixes, stages
from app.worker.output.transactions import new_transactions
from app.worker.state.layout import MODEL, POSITION
from app.worker.state.log import StateLog
from app.worker.state.position import Position, SavedModel
from app.worker.state.restore import Restored, Restorer
from app.worker.tasks import Change
from learners.errors import LearnerError
from learners.model import Model
from learners.saved import snapshots


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
        pipeline: Whose model it becomes; missing topics are created.
        kafka: Reaches the cluster.
        snapshot: As `learners.saved.snapshots.dump` gave it.
        partitions: Which ones; all for None.
        key: Signs and checks snapshots.

    Raises:
        ImportRefused: When the model is not one of this pipeline, or there is no such
            partition.
        GroupInUse: When a worker runs.
        RestoreRefused: When state and committed offset already disagree.
        TransactionAborted, TransactionLost: See `Transactions`; after the first nothing has
            changed.
    """
    # 1. check the model
    model = _checked(pipeline, snapshot, key)
    ensure_topics(pipeline, kafka)
    # 2. see that no worker runs
    require_no_members(pipeline, kafka)
    # 3. join the group, alone
    source = stages(pipeline)[-1].inputs[0]
    with only_member(pipeline, kafka, [source]) as (places, group):
        there = [place.partition for place in places]
        chosen = there if partitions is None else list(partitions)
        if missing := set(chosen) - set(there):
            raise ImportRefused(
                f"{source} has the partitions {there[0]} to {there[-1]}, not {min(missing)}"
            )
        # 4. restore, as a worker does
        states = _restored(pipeline, kafka, chosen)
        _require_unmixed(pipeline, states, whole=len(chosen) == len(there))
        # 5. write the models in one transaction
        changes = [_change(pipeline, p, state, model, key) for p, state in states.items()]
        transactions = new_transactions(pipeline, kafka, "model/import")
        transactions.start()
        transactions.commit(changes, group)
    return [_imported(p, state, model) for p, state in states.items()]


def _checked(pipeline: Pipeline, snapshot: bytes, key: bytes | None) -> Model:
    try:
        expected, allow = new_model(pipeline), pipeline.snapshots.allow
        model, _ = snapshots.load(snapshot, expected, key=key, allow=allow)
    except LearnerError as error:
        raise ImportRefused(f"the model does not fit {pipeline.name}: {error}") from error
    return model


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


def _require_unmixed(pipeline: Pipeline, states: Mapping[int, Restored], *, whole: bool) -> None:
    """Partitions that mix their models begin with one model, all of them."""
    if not mixes(pipeline):
        return
    if not whole:
        raise ImportRefused(
            f'{pipeline.name} has learner.shared = "mix": its partitions begin with one model, so'
            " import it with --all"
        )
    for partition, state in states.items():
        if state.entries.get(MIXED) is not None:
            raise ImportRefused(
                f'{pipeline.name} has learner.shared = "mix", and partition {partition} has mixed'
                " its model with the others already: give the pipeline a new name"
            )


def _change(
    pipeline: Pipeline, partition: int, state: Restored, model: Model, key: bytes | None
) -> Change:
    known = {topic: at for topic, at in state.offsets.items() if at is not None}
    # The entries stay as they are: nothing of them is written.
    log = StateLog(MemoryStore(), state.inventory)
    snapshot = snapshots.dump(model, known, key)
    rows = log.large(MODEL, snapshot)
    saved = SavedModel(model.learned, log.sha256(MODEL, snapshot))
    position = replace(
        state.position or Position({}),
        offsets=known,
        topics=state.topic_ids,
        model=saved,
        checksum=state.checksum,
        extent=log.extent,
    )
    rows += log.large(POSITION, position.encode())
    # librdkafka passes over an offset that is none: what was never committed stays so.
    offsets = {topic: known.get(topic, OFFSET_INVALID) for topic in state.offsets}
    return Change(partition, offsets, [], stages(pipeline)[-1].state_topic, rows, 0)


def _imported(partition: int, state: Restored, model: Model) -> Imported:
    old = state.entries.get(MODEL)
    before = None if old is None else snapshots.read_header(old).learned
    offset = next(iter(state.offsets.values()))
    return Imported(partition, offset, before, model.learned)
