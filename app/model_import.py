"""Puts a model from elsewhere in the place of a pipeline's own, in one transaction.

The import is, for a moment, the only member of the pipeline's group: no worker can have a
partition meanwhile, and one that starts restores after the import has left. Only the model
changes. The position in the state and the committed offset stay what they were, so that the rule
of every restore holds: they are equal, or there is neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from confluent_kafka import OFFSET_INVALID

from agents.state_keys import MIXED
from agents.store import MemoryStore
from app.errors import RiverrunError
from app.kafka.admin import ensure_topics
from app.kafka.clients import restore_consumer
from app.kafka.group import only_member, require_no_members
from app.kafka.reading import reading
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
from learners.spread.joining import divided, plain
from learners.spread.shares import CannotSpread


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
    model = checked(pipeline, snapshot, key)
    if pipeline.learner.learners > 1:
        shares = _shares(pipeline, model, partitions)
        return _put(pipeline, kafka, lambda _: shares, key)
    chosen = None if partitions is None else dict.fromkeys(partitions, model)
    return _put(
        pipeline,
        kafka,
        lambda there: dict.fromkeys(there, model) if chosen is None else chosen,
        key,
    )


def import_models(
    pipeline: Pipeline,
    kafka: KafkaSettings,
    found: Mapping[int, bytes],
    key: bytes | None = None,
) -> list[Imported]:
    """Put models into a pipeline that never ran, each into its partition and at its offset.

    The workers then begin at the offsets that a model's header names. What else a state holds,
    such as the pasts of entities and the events that wait for their label, begins empty.

    Args:
        pipeline: As in `import_model`.
        kafka: Reaches the cluster.
        found: Snapshots by partition.
        key: Signs and checks snapshots.

    Raises:
        ImportRefused: As `import_model`; also where the pipeline stands at another offset
            already, or where its topics do not reach, or no longer, to the offset of a model.
        GroupInUse, RestoreRefused, TransactionAborted, TransactionLost: See `import_model`.
    """
    models = {p: checked(pipeline, data, key, p) for p, data in found.items()}
    begins = {p: snapshots.read_header(data).offsets for p, data in found.items()}
    _require_reach(pipeline, kafka, begins)
    return _put(pipeline, kafka, lambda _: models, key, begins)


def _shares(
    pipeline: Pipeline, model: Model, partitions: Sequence[int] | None
) -> Mapping[int, Model]:
    """What each of several learners has of a model that was never divided."""
    if partitions is not None:
        raise ImportRefused(
            f"{pipeline.name} has one model, which its learners divide among them: import it with"
            " --all"
        )
    try:
        return dict(enumerate(divided(pipeline.learner.spec, model)))
    except CannotSpread as error:
        raise ImportRefused(f"the model does not fit {pipeline.name}: {error}") from error


def _put(
    pipeline: Pipeline,
    kafka: KafkaSettings,
    choose: Callable[[Sequence[int]], Mapping[int, Model]],
    key: bytes | None,
    begins: Mapping[int, Mapping[str, int]] | None = None,
) -> list[Imported]:
    """Steps 2 to 5 of `import_model`; see `import_models` about `begins`."""
    ensure_topics(pipeline, kafka)
    # 2. see that no worker runs
    require_no_members(pipeline, kafka)
    # 3. join the group, alone
    source = stages(pipeline)[-1].inputs[0]
    with only_member(pipeline, kafka, [source]) as (places, group):
        there = [place.partition for place in places]
        models = choose(there)
        if missing := set(models) - set(there):
            raise ImportRefused(
                f"{source} has the partitions {there[0]} to {there[-1]}, not {min(missing)}"
            )
        # 4. restore, as a worker does
        states = _restored(pipeline, kafka, list(models))
        _require_unmixed(pipeline, states, whole=len(models) == len(there))
        if begins is not None:
            states = {p: _begun(pipeline, p, state, begins[p]) for p, state in states.items()}
        # 5. write the models in one transaction
        changes = [_change(pipeline, p, state, models[p], key) for p, state in states.items()]
        transactions = new_transactions(pipeline, kafka, "model/import")
        transactions.start()
        transactions.commit(changes, group)
    return [_imported(p, state, models[p]) for p, state in states.items()]


def _require_reach(
    pipeline: Pipeline, kafka: KafkaSettings, begins: Mapping[int, Mapping[str, int]]
) -> None:
    """The offsets of the models are those of the pipeline's topics, which still have them."""
    inputs = stages(pipeline)[-1].inputs
    for begin in begins.values():
        if inputs[0] not in begin or not begin.keys() <= set(inputs):
            raise ImportRefused(
                f"the models are at offsets of {', '.join(begin) or 'no topic'}, and"
                f" {pipeline.name} learns from {', '.join(inputs)}: `riverrun model import` puts"
                " one in where the pipeline stands"
            )
    with reading(pipeline, kafka) as reader:
        for topic in {topic for begin in begins.values() for topic in begin}:
            starts, ends = reader.starts(topic), reader.ends(topic)
            for partition, begin in begins.items():
                if topic not in begin or partition not in ends:
                    continue
                at, first, end = begin[topic], starts[partition], ends[partition]
                if not first <= at <= end:
                    raise ImportRefused(
                        f"{topic}[{partition}] has the offsets {first} to {end}, and the model"
                        f" goes on at {at}: take a newer one, or the topic that it learned from"
                    )


def _begun(
    pipeline: Pipeline, partition: int, state: Restored, begin: Mapping[str, int]
) -> Restored:
    """The state as of the offsets of a model."""
    for topic, at in state.offsets.items():
        if at is not None and at != begin.get(topic):
            raise ImportRefused(
                f"{pipeline.name} stands at {topic}[{partition}]@{at} already, and the model goes"
                f" on at {begin.get(topic)}: give the pipeline a new name with topics of its own"
                " for its outputs, or put the model in where it stands by `riverrun model import`"
            )
    return replace(state, offsets={topic: begin.get(topic) for topic in state.offsets})


def checked(
    pipeline: Pipeline, snapshot: bytes, key: bytes | None, learner: int | None = None
) -> Model:
    """The model of a snapshot, if it is one of this pipeline.

    Args:
        pipeline: Whose it is to be.
        snapshot: As it was saved.
        key: Checks it.
        learner: Whose share it is to be, where several learners have one; None: a whole model.

    Raises:
        ImportRefused: It is not, or it is damaged.
    """
    try:
        expected = new_model(pipeline, learner)
        expected = plain(expected) if learner is None else expected
        allow = pipeline.snapshots.allow
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
