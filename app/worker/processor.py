"""The tasks of a worker: made when partitions come, fed with batches, forgotten when they go."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from types import MappingProxyType

from agents.errors import AgentError, LearnRefused, Refusal
from agents.labels.counts import JoinCounts
from agents.outputs import Agent, Outputs
from agents.score import Score
from agents.state import State
from app.pipeline.load import Pipeline
from app.pipeline.stages import Stage, stages
from app.worker.agent_builder import AgentBuilder
from app.worker.handover import Handover
from app.worker.input.fetching import TP
from app.worker.output.published import Published, sources
from app.worker.state.position import MODEL, POSITION, Position, SavedModel
from app.worker.state.restore import COMMANDS, Restored, RestoreRefused
from app.worker.state.topic import StateLog, StateReader, digest_of
from app.worker.state.traced import unreadable
from app.worker.tasks import Task
from learners import registry
from learners.errors import LearnerError
from learners.model import Model
from learners.saved import snapshots
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

    def took(self, events: int, seconds: float) -> None:
        """Count a batch, with all that it made the later stages do."""
        pace = seconds / events
        before = self.seconds_per_event
        self.seconds_per_event = pace if before is None else (before + pace) / 2
        self.events += events

    def add(self, outputs: Outputs) -> None:
        """Count what an agent gave."""
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
        partitions: How many each topic has; each of the events gets its share of a budget.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        snapshot_key: bytes | None = None,
        partitions: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._pipeline = pipeline
        self._partitions = partitions.get(pipeline.events.topic, 1)
        self._handover = Handover(partitions)
        self._inputs = {stage.inputs[0]: stage.inputs for stage in stages(pipeline)}
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

    def warm_up(self, model: Model) -> None:
        """Compile whatever the first event would have to wait for; `model` is thrown away."""
        model.warm_up(len(self._pipeline.events.features or ()) or 1)
        last = stages(self._pipeline)[-1]
        agent = AgentBuilder(self._pipeline, last, 0, 1, State(), model, self._snapshot_key).agent()
        if isinstance(agent, Score):
            agent.warm_up()

    def open(
        self,
        restored: Mapping[tuple[Stage, int], Restored],
        epoch: int,
        *,
        at_once: bool = False,
    ) -> None:
        """Make the tasks of an assignment, in place of all that were there.

        Args:
            restored: Their states.
            epoch: Counts the assignments.
            at_once: Whether what a stage hands on is given to the next one here, not to Kafka.

        Raises:
            RestoreRefused: when a model is not the one of the pipeline file.
        """
        self.forget()
        self._handover.at_once = at_once
        self.tasks = {
            TP(stage.inputs[0], partition): self._task(stage, partition, state, epoch)
            for (stage, partition), state in restored.items()
        }

    def forget(self) -> None:
        """Drop all tasks: what they hold is void, or committed."""
        tasks, self.tasks, self.whole = self.tasks, {}, True
        self._handover.forget()
        for task in tasks.values():
            task.state.close()

    def release(self) -> list[tuple[str, int, StateReader]]:
        """Drop all tasks; gives, by state topic and partition, the states to be followed."""
        released = []
        for tp, task in list(self.tasks.items()):
            reader = task.release()
            if reader is not None:
                released.append((task.state_topic, task.partition, reader))
                del self.tasks[tp]  # its store goes on
        self.forget()
        return released

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
        started = perf_counter()
        try:
            self._run(tp, partial(task.process, batch))
            if batch.last:
                self._hand_over()
        except LearnRefused:
            self.forget()
            return False
        if batch.places is not None:
            self.whole = batch.last
        self.counters.took(len(batch.records), perf_counter() - started)
        return True

    def _run(self, tp: TP, process: Callable[[], Outputs]) -> None:
        """Let the task of a partition do its work."""
        model = self.tasks[tp].agent.model
        drifts = model and model.drifts
        try:
            outputs = process()
        except LearnRefused as error:
            self._set_aside(tp, error)
            raise
        self.counters.add(outputs)
        self._handover.accept(outputs)
        if model and model.drifts != drifts:
            log.warning("%s: %s", tp, drift_of(model))

    def _hand_over(self) -> None:
        """Give the later stages what waits for them."""
        while forwarded := self._handover.take():
            for tp, operations in forwarded:
                self._run(tp, partial(self.tasks[tp].take_forwarded, operations))

    def _set_aside(self, tp: TP, error: LearnRefused) -> None:
        topic, partition, offset, label = error.refusal
        what = f"the label ({label}) becomes" if label else "it becomes"
        log.warning("%s[%d]@%d: %s; %s a dead letter", topic, partition, offset, error.cause, what)
        # Its frames hold the task, which is void.
        self._refused[tp][error.refusal] = error.cause.with_traceback(None)

    @property
    def learned(self) -> int:
        """Events that the models of this moment have learned."""
        models = [task.agent.model for task in self.tasks.values()]
        return sum(model.learned for model in models if model is not None)

    @property
    def offsets(self) -> dict[TP, int | None]:
        """Up to where each input was processed, exclusive; None for one that was never read."""
        return {
            TP(topic, tp.partition): task.offsets.get(topic)
            for tp, task in self.tasks.items()
            for topic in self._inputs[tp.topic]
        }

    @property
    def labels(self) -> JoinCounts:
        """What happened to the labels of the partitions of this moment."""
        total = JoinCounts()
        for task in self.tasks.values():
            if (counts := task.agent.labels) is not None:
                total.add(counts)
        return total

    def _task(self, stage: Stage, partition: int, restored: Restored, epoch: int) -> Task:
        entries, position = restored.entries, restored.position or Position({})
        own = {key: value for key in (MODEL, POSITION) if (value := entries.pop(key, None))}
        state = State(entries, restored.checksum, restored.views)
        snapshot, saved = own.get(MODEL), position.model
        model = self._model(partition, snapshot) if stage.scores else self.new_model()
        if saved is None and snapshot is not None:  # an older version did not name it
            saved = SavedModel(model.learned, digest_of(snapshot))
        agent = self._agent(stage, partition, state, model)
        return Task(
            partition,
            stage.state_topic,
            agent,
            state,
            StateLog(restored.chunks),
            epoch,
            {topic: at for topic, at in restored.offsets.items() if at is not None},
            restored.topic_ids,
            saved,
            self._published(position),
            position.since,
            self._refused[TP(stage.inputs[0], partition)],
            dirty=restored.chosen,
            own_entries=own,
            next_offset=restored.next_offset,
        )

    def _agent(self, stage: Stage, partition: int, state: State, model: Model) -> Agent:
        def make(state: State) -> Agent:
            maker = AgentBuilder(
                *(self._pipeline, stage, partition, self._partitions),
                *(state, model, self._snapshot_key),
            )
            return maker.agent()

        try:
            return make(state)
        except AgentError:
            raise  # it names a setting that the state was made with
        except Exception as error:
            key = unreadable(make, state.store)
            raise RestoreRefused(
                f"{stage.state_topic}[{partition}]: {key!r} cannot be used"
                f" ({type(error).__name__}: {error}). {COMMANDS}"
            ) from error

    def _published(self, position: Position) -> Published | None:
        pipeline = self._pipeline
        if not position.published:
            return None
        topics = pipeline.predictions.topic, pipeline.events.topic
        return Published(position.published, sources(pipeline), *topics)

    def _model(self, partition: int, snapshot: bytes | None) -> Model:
        model = self.new_model()
        if snapshot is None:
            return model
        try:
            loaded, _ = snapshots.load(
                snapshot, model, key=self._snapshot_key, allow=self._pipeline.snapshots.allow
            )
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
