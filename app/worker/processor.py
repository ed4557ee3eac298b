"""The tasks of a worker: made when partitions come, fed with batches, forgotten when they go."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

from agents.errors import LearnRefused, Refusal
from agents.outputs import Outputs
from agents.stage import StageAgent
from agents.state import State
from app.pipeline.load import Pipeline
from app.pipeline.stages import Stage
from app.worker.agent import Maker
from app.worker.fetching import TP
from app.worker.restore import Restored, RestoreRefused
from app.worker.state_topic import StateLog
from app.worker.tasks import MODEL, Task
from learners import registry, snapshots
from learners.errors import LearnerError
from learners.model import Model
from topics.records import Batch, Outgoing

log = logging.getLogger("riverrun.worker")


@dataclass(slots=True)
class Counters:
    """What a worker has done since it started."""

    events: int = 0
    predictions: int = 0
    learned: int = 0
    dead_letters: int = 0
    last_letter: Outgoing | None = None
    seconds_per_event: float | None = None
    """How long the agents take for one, as of the last batches; None before the first."""

    def add(self, events: int, seconds: float, outputs: Outputs) -> None:
        """Count a batch."""
        pace = seconds / events
        before = self.seconds_per_event
        self.seconds_per_event = pace if before is None else (before + pace) / 2
        self.events += events
        self.predictions += len(outputs.predictions)
        self.learned += outputs.learned
        self.dead_letters += len(outputs.dead_letters)
        if outputs.dead_letters:
            self.last_letter = outputs.dead_letters[-1]


class Processor:
    """Feeds batches to the tasks of this moment.

    Args:
        pipeline: What to do.
        snapshot_key: Signs and checks models that need pickle.
        partitions: How many the events have: each gets its share of a budget.
    """

    def __init__(
        self, pipeline: Pipeline, snapshot_key: bytes | None = None, partitions: int = 1
    ) -> None:
        self._pipeline = pipeline
        self._partitions = partitions
        self._snapshot_key = snapshot_key
        self._refused: dict[TP, dict[Refusal, Exception]] = defaultdict(dict)
        self.tasks: dict[TP, Task] = {}
        self.counters = Counters()
        self.whole = True
        """Whether all of each round has been processed; in the middle nothing is committed."""

    def new_model(self) -> Model:
        """A model that has learned nothing."""
        learner = self._pipeline.learner
        return registry.create(
            learner.type, learner.params, learner.scale, learner.drift, learner.tables
        )

    def open(self, restored: Mapping[tuple[Stage, int], Restored], epoch: int) -> None:
        """Make the tasks of an assignment, in place of all that were there.

        Raises:
            RestoreRefused: when a model is not the one of the pipeline file.
        """
        self.forget()
        self.tasks = {
            TP(stage.inputs[0], partition): self._task(stage, partition, state, epoch)
            for (stage, partition), state in restored.items()
        }

    def forget(self) -> None:
        """Drop all tasks: what they hold is void, or committed."""
        tasks, self.tasks, self.whole = self.tasks, {}, True
        for task in tasks.values():
            task.state.close()

    def process(self, batch: Batch) -> bool:
        """Feed a batch to its task. False: the batch is of an earlier assignment, or its task
        has become void and all state must be restored, with one event set aside.

        Raises:
            BatchMissing: when a batch got lost.
        """
        tp = TP(batch.topic, batch.partition)
        task = self.tasks.get(tp)
        if task is None or task.epoch != batch.epoch:
            return True
        model = task.agent.model
        started, drifts = perf_counter(), model and model.drifts
        try:
            outputs = task.process(batch)
        except LearnRefused as error:
            topic, offset, label = error.refusal
            what = f"the label ({label}) becomes" if label else "it becomes"
            log.warning(
                "%s[%d]@%d: %s; %s a dead letter", topic, tp.partition, offset, error.cause, what
            )
            self._refused[tp][error.refusal] = error.cause
            self.forget()
            return False
        if batch.places is not None:
            self.whole = batch.last
        self.counters.add(len(batch.records), perf_counter() - started, outputs)
        if model and model.drifts != drifts:
            log.warning("%s: %s", tp, drift_of(model))
        return True

    @property
    def learned(self) -> int:
        """Events that the models of this moment have learned."""
        models = [task.agent.model for task in self.tasks.values()]
        return sum(model.learned for model in models if model is not None)

    @property
    def waiting(self) -> int:
        """Events that wait for their label at this moment."""
        agents = [task.agent for task in self.tasks.values()]
        return sum(agent.waiting for agent in agents if isinstance(agent, StageAgent))

    def _task(self, stage: Stage, partition: int, restored: Restored, epoch: int) -> Task:
        state = State(restored.entries)
        model = self._model(partition, state) if stage.scores else self.new_model()
        agent = Maker(
            self._pipeline, stage, partition, self._partitions, state, model, self._snapshot_key
        ).agent()
        return Task(
            partition,
            stage.state_topic,
            agent,
            state,
            StateLog(restored.chunks),
            epoch,
            {topic: at for topic, at in restored.offsets.items() if at is not None},
            self._refused[TP(stage.inputs[0], partition)],
            dirty=restored.chosen,
        )

    def _model(self, partition: int, state: State) -> Model:
        model, snapshot = self.new_model(), state.get(MODEL)
        if snapshot is None:
            return model
        try:
            loaded, header = snapshots.load(
                snapshot, key=self._snapshot_key, allow=self._pipeline.snapshots.allow
            )
            snapshots.require_same(header, model)
        except LearnerError as error:
            raise RestoreRefused(
                f"the model of {self._pipeline.state_topic}[{partition}] is refused: {error}"
            ) from error
        return loaded


def drift_of(model: Model) -> str | None:
    """What has happened to a watched model; None without a drift."""
    if not model.drifts:
        return None
    reaction = model.drift.get("reaction", "alarm")
    drifts = "1 drift" if model.drifts == 1 else f"{model.drifts:,} drifts"
    return f"{drifts} ({reaction}), the last at learned event {model.last_drift:,}"


def partitions_of(tps: Sequence[TP]) -> list[int]:
    """The partition numbers, ascending."""
    return sorted(tp.partition for tp in tps)
