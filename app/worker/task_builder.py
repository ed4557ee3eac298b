"""Makes the tasks of an assignment from the states that were restored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from agents.errors import AgentError, Refusal
from agents.shared.marks import Marks, Terms
from agents.shared.mixer import Mixer
from agents.shared.versions import Load, Versions
from agents.state import State
from agents.state_keys import MIXED
from app.kafka.partitions import TP
from app.pipeline.load import Pipeline
from app.pipeline.models import loaded_model, new_model
from app.pipeline.stages import Stage, mark_length, mixes, stages
from app.worker.agent_builder import AgentBuilder
from app.worker.assignment import Assignment
from app.worker.handover import Handover
from app.worker.output.published import Published, sources
from app.worker.state.layout import MODEL, POSITION
from app.worker.state.log import StateLog
from app.worker.state.position import Position
from app.worker.state.restore import COMMANDS, Restored, RestoreRefused
from app.worker.state.traced import unreadable
from app.worker.tasks import AnyAgent, Task
from learners.errors import LearnerError
from learners.mixing.mixture import Mixture
from learners.model import Model
from learners.saved.fingerprint import fingerprint
from learners.spread.joining import joined


def new_marks(pipeline: Pipeline, partitions: int) -> Marks | None:
    """What partitions say that mix their models; None where they do not, or there is but one."""
    if not mixes(pipeline) or partitions == 1:
        return None
    spec = pipeline.learner.spec
    scheme = fingerprint([spec.tables(), mark_length(pipeline)])[:16]
    return Marks(Mixture(spec), Terms(pipeline.marks_topic, partitions, scheme))


def new_versions(pipeline: Pipeline, load: Load) -> Versions | None:
    """The versions of the one model of all partitions; None where each has its own."""
    learner = pipeline.learner
    if learner.shared != "learner":
        return None
    join = partial(joined, learner.spec) if learner.learners > 1 else None
    return Versions([new_model(pipeline, n) for n in range(learner.learners)], load, join=join)


class TaskBuilder:
    """Makes tasks; it remembers across assignments what could not be learned.

    Args:
        pipeline: What to do.
        partitions: How many each topic has; each of the events gets its share of a budget.
        snapshot_key: Signs and checks models that need pickle.
        refused: What could not be learned before, by the first input of the stage.

    Attributes:
        versions: Of the one model that all partitions have; None where each has its own.
        marks: Of the partitions, where they mix what each has learned; else None.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        partitions: Mapping[str, int] = MappingProxyType({}),
        snapshot_key: bytes | None = None,
        refused: defaultdict[TP, dict[Refusal, Exception]] | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._partitions = partitions
        self._snapshot_key = snapshot_key
        self._refused = defaultdict(dict) if refused is None else refused
        self.versions = new_versions(pipeline, self._load)
        self.marks = new_marks(pipeline, self._count)

    def warm_up(self, model: Model) -> None:
        """Compile whatever the first event would have to wait for; `model` is thrown away."""
        model.warm_up(len(self._pipeline.events.features or ()) or 1)
        for stage in stages(self._pipeline):  # with a shared learner the last one does not score
            self._made(stage, 0, 1, State(), model).warm_up()

    def open(
        self,
        assignment: Assignment,
        restored: Mapping[tuple[Stage, int], Restored],
        *,
        at_once: bool = False,
        most: int | None = None,
    ) -> None:
        """Give an assignment its tasks.

        Args:
            assignment: Has none.
            restored: Their states.
            at_once: Whether a stage forwards to the next one in memory, not by Kafka.
            most: Operations that a record between two stages may have; None for as many as fit.

        Raises:
            RestoreRefused: when a state is not one of the pipeline file.
        """
        if self.marks is not None:
            self.marks.begin()
        learners = [TP(s.inputs[0], n) for s in stages(self._pipeline) for n in s.learners]
        span = mark_length(self._pipeline) if mixes(self._pipeline) else None
        assignment.handover = Handover(
            self._partitions, learners, at_once=at_once, span=span, most=most
        )
        assignment.tasks = {
            TP(stage.inputs[0], partition): self._task(stage, partition, state)
            for (stage, partition), state in restored.items()
        }

    def _task(self, stage: Stage, partition: int, restored: Restored) -> Task:
        entries, position = restored.entries, restored.position or Position({})
        own = {key: value for key in (MODEL, POSITION) if (value := entries.pop(key, None))}
        state = State(entries, restored.checksum, restored.views)
        snapshot = own.get(MODEL)
        model = self._model(stage, partition, snapshot if stage.learns else None)
        return Task(
            partition,
            stage.state_topic,
            self._agent(stage, partition, state, model),
            state,
            StateLog(state.store, restored.inventory),
            {topic: at for topic, at in restored.offsets.items() if at is not None},
            restored.topic_ids,
            position.model,
            self._published(position),
            position.since,
            self._refused[TP(stage.inputs[0], partition)],
            dirty=restored.chosen,
            own_entries=own,
            next_offset=restored.next_offset,
            versions=self._versions(snapshot, partition) if stage.shared else None,
            mixer=self._mixer(stage, partition, state, model),
        )

    def _mixer(self, stage: Stage, partition: int, state: State, model: Model) -> Mixer | None:
        if self.marks is None or not stage.learns:
            return None
        try:
            return Mixer(partition, model, state, self.marks)
        except LearnerError as error:
            raise RestoreRefused(
                f"{stage.state_topic}[{partition}]: {MIXED!r} cannot be used ({error}). {COMMANDS}"
            ) from error

    @property
    def _count(self) -> int:
        """Of the partitions of the events."""
        return self._partitions.get(self._pipeline.events.topic, 1)

    def _agent(self, stage: Stage, partition: int, state: State, model: Model) -> AnyAgent:
        def make(state: State) -> AnyAgent:
            return self._made(stage, partition, self._count, state, model)

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

    def _versions(self, snapshot: bytes | None, learner: int) -> Versions | None:
        """With what the learner has published last: it needs not be read from Kafka."""
        assert self.versions is not None
        self.versions.hear(learner)
        if snapshot is not None:
            self.versions.take(snapshot, learner)
        return self.versions

    def _made(
        self, stage: Stage, partition: int, count: int, state: State, model: Model
    ) -> AnyAgent:
        key = self._snapshot_key
        builder = AgentBuilder(
            *(self._pipeline, stage, partition, count),
            *(state, model, key, self.versions),
        )
        if stage.decides:
            return builder.deciding()
        if stage.deals:
            return builder.dealing()
        return builder.learning() if stage.shared else builder.agent()

    def _published(self, position: Position) -> Published | None:
        pipeline = self._pipeline
        if not position.published:
            return None
        topics = pipeline.predictions.topic, pipeline.events.topic
        return Published(position.published, sources(pipeline), *topics)

    def _model(self, stage: Stage, partition: int, snapshot: bytes | None) -> Model:
        learner = partition if stage.shared else None
        if snapshot is None:
            return new_model(self._pipeline, learner)
        try:
            return self._load(snapshot, learner)
        except LearnerError as error:
            raise RestoreRefused(
                f"the model of {stage.state_topic}[{partition}] is refused: {error}"
            ) from error

    def _load(self, snapshot: bytes, learner: int | None) -> Model:
        return loaded_model(self._pipeline, snapshot, self._snapshot_key, learner)
