"""Puts what a training has learned into a pipeline that has done nothing yet, at the cut.

As an import of a model, it is for a moment the only member of the pipeline's group, and writes as
a worker does: state, offsets and marks in one transaction, fenced by the group's generation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

from app.kafka.clients import restore_consumer
from app.kafka.group import only_member, require_no_members
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from app.pipeline.stages import stages
from app.training.errors import NotNew
from app.worker.output.transactions import new_transactions
from app.worker.state.restore import Restorer
from app.worker.tasks import Change

Changes = Callable[[Mapping[str, str]], Sequence[Change]]
"""What is to be committed, given the ids of the input topics."""


def require_new(pipeline: Pipeline, kafka: KafkaSettings) -> Mapping[str, str]:
    """The pipeline has no state and no offsets, in any stage.

    Returns:
        The ids of the input topics.

    Raises:
        NotNew: when it has.
        RestoreRefused: when state and committed offsets disagree.
    """
    ids: dict[str, str] = {}
    for stage in stages(pipeline):
        consumer, admin = restore_consumer(pipeline, kafka), kafka.admin()
        restorer = Restorer(consumer, admin, stage.inputs, stage.state_topic)
        with closing(restorer):
            now = restorer.asking.topics(stage.inputs)[stage.inputs[0]]
            found = restorer.restore(range(now.partitions if now else 0))
        for number, state in found.items():
            offsets = {t: at for t, at in state.offsets.items() if at is not None}
            if state.position is not None or offsets or len(list(state.entries)):
                learned = state.position and state.position.model
                raise NotNew(
                    f"{stage.state_topic}[{number}]: {pipeline.name} has a state already"
                    + (f", of {learned.learned:,} events learned" if learned else "")
                    + ": its outputs follow from that. Give the pipeline a new name, with outputs"
                    " of its own"
                )
            ids |= state.topic_ids
            state.close()
    return ids


def place(pipeline: Pipeline, kafka: KafkaSettings, changes: Changes) -> Sequence[Change]:
    """Commit what was learned; workers that start then go on at the cut.

    Raises:
        GroupInUse: when a worker runs.
        NotNew, RestoreRefused: As `require_new`.
        TransactionAborted, TransactionLost: See `Transactions`; after the first nothing has
            changed.
    """
    require_no_members(pipeline, kafka)
    inputs = [topic for stage in stages(pipeline) for topic in stage.inputs]
    with only_member(pipeline, kafka, inputs) as (_, group):
        made = changes(require_new(pipeline, kafka))
        transactions = new_transactions(pipeline, kafka, "train")
        transactions.start()
        transactions.commit(made, group)
    return made
