"""Runs the agents of a pipeline over the records of a source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from time import perf_counter

from agents.errors import LearnRefused, Refusal
from agents.outputs import Outputs
from agents.state import State
from app.errors import RiverrunError
from app.pipeline.load import Pipeline
from app.pipeline.models import new_model
from app.pipeline.stages import stages
from app.replay.base import Source
from app.replay.check import Checked, counted
from app.trial.batches import batches
from app.trial.records import TrialRecord, trial_records
from app.worker.agent_builder import AgentBuilder
from learners.model import Model
from topics.records import Batch

MOST_REFUSED = 20
"""Events that a learner may fail on: with each of them the trial begins anew."""

KEY = b"a trial saves no model"
"""Signs what the frozen model is copied by."""

Show = Callable[[int, float], None]
"""Is given the number of records done, and the seconds since the start."""


class LearnerFails(RiverrunError):
    """A learner that fails on one event after another."""


@dataclass
class Trial:
    """What came of a pipeline over a source.

    Attributes:
        model: As it is at the end.
        checked: What is to be said of the source.
        records: Of events and labels, in the order of the source.
        outputs: Of all batches, in their order.
        seconds: How long it took.
    """

    model: Model
    checked: Checked
    records: list[TrialRecord] = field(default_factory=list)
    outputs: list[Outputs] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Records a second, read from the source, scored and learned."""
        return len(self.records) / max(self.seconds, 1e-9)


def alone(pipeline: Pipeline) -> Pipeline:
    """A pipeline without a shared learner: with one partition its model learns at once."""
    learner = pipeline.learner.model_copy(update={"shared": None})
    return pipeline.model_copy(update={"learner": learner})


class Chain:
    """The agents of all stages, for one partition.

    Args:
        pipeline: What to do, ``alone``.
        refused: What cannot be learned; it is set aside.
    """

    def __init__(self, pipeline: Pipeline, refused: dict[Refusal, Exception]) -> None:
        self.model = new_model(pipeline)
        self._refused = refused
        self._width = len(pipeline.events.features or ()) or 1
        self._states = [State() for _ in stages(pipeline)]
        self._agents = [
            AgentBuilder(pipeline, stage, 0, 1, state, self.model, KEY).agent()
            for stage, state in zip(stages(pipeline), self._states, strict=True)
        ]

    def process(self, batch: Batch) -> Iterator[Outputs]:
        """The outputs of each stage for a batch, which goes on from one to the next.

        Raises:
            LearnRefused: When the learner fails. The chain is void then.
        """
        first, *later = self._agents
        outputs = first.process(batch, self._refused)
        for agent in later:
            forwarded, outputs.forwarded = outputs.forwarded, None
            yield outputs
            if forwarded is None or not len(forwarded.operations):
                return
            outputs = agent.take(forwarded.operations, self._refused)
        yield outputs

    def warm_up(self) -> None:
        """Compile what the first event would have to wait for; the chain is thrown away."""
        self.model.warm_up(self._width)
        for agent in self._agents:
            agent.warm_up()

    def commit(self) -> None:
        """Let go of what only a commit would need."""
        for agent, state in zip(self._agents, self._states, strict=True):
            agent.save()
            state.changes()


def run(
    pipeline: Pipeline,
    source: Source,
    *,
    limit: int | None = None,
    key: str | None = None,
    show: Show = lambda done, seconds: None,
) -> Trial:
    """Score and learn a source, by the agents of a worker that has the only partition.

    Args:
        pipeline, source, limit, key: As for `app.replay.replay.replay`.
        show: Called after each batch.

    Raises:
        SourceError, ReplayError: As for `app.trial.records.trial_records`.
        LearnerFails: For a learner that fails on more than `MOST_REFUSED` events.
    """
    pipeline = alone(pipeline)
    refused: dict[Refusal, Exception] = {}
    while True:
        trial = Trial(new_model(pipeline), Checked.of(pipeline, source, key))
        try:
            _run(
                pipeline,
                trial,
                _kept(trial, _looked_at(source, trial.checked), pipeline, limit, key),
                refused,
                show,
            )
        except LearnRefused as error:
            refused[error.refusal] = error.cause.with_traceback(None)
            if len(refused) > MOST_REFUSED:
                raise _gives_up(trial, error) from error.cause
            continue
        return trial


def _run(
    pipeline: Pipeline,
    trial: Trial,
    records: Iterator[TrialRecord],
    refused: dict[Refusal, Exception],
    show: Show,
) -> None:
    Chain(pipeline, refused).warm_up()
    chain, done = Chain(pipeline, refused), 0
    trial.model = chain.model
    started = perf_counter()
    for batch in batches(pipeline, records, pipeline.worker.max_batch):
        trial.outputs += chain.process(batch)
        chain.commit()
        done += len(batch.records)
        trial.seconds = perf_counter() - started
        show(done, trial.seconds)


def _kept(
    trial: Trial, source: Source, pipeline: Pipeline, limit: int | None, key: str | None
) -> Iterator[TrialRecord]:
    """The records, which the trial keeps for its evaluation."""
    for record in trial_records(pipeline, source, limit, key):
        trial.records.append(record)
        yield record


def _looked_at(source: Source, checked: Checked) -> Source:
    """The source; what is read of it is looked at."""
    return replace(source, read=lambda: counted(source, source.read(), checked))


def _gives_up(trial: Trial, error: LearnRefused) -> LearnerFails:
    topic, _, offset, _ = error.refusal
    found = (r for r in trial.records if r.topic_ == topic and r.offset_ == offset)
    where = next(found).where
    return LearnerFails(
        f"{where}: the learner fails on more than {MOST_REFUSED} events, this one is the last:"
        f" {type(error.cause).__name__}: {error.cause}"
    )
