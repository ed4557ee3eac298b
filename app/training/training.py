"""The tasks of a worker that has all partitions, over a history, without Kafka."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

from agents.errors import Refusal
from agents.outputs import Outputs
from agents.shared.mark import RING
from agents.shared.marks import Marks
from agents.sinks.score import OnScored, Score
from app.errors import RiverrunError
from app.kafka.partitions import TP
from app.pipeline.load import Pipeline
from app.pipeline.models import new_model
from app.pipeline.stages import Stage, mark_length, stages
from app.training.learned import Learned
from app.training.rounds import rounds
from app.trial.records import TrialRecord
from app.trial.run import MOST_REFUSED
from app.worker.assignment import Assignment
from app.worker.input.mark_reader import MarkReader, Read
from app.worker.input.rounds import Part
from app.worker.mixed_model import MixedModel
from app.worker.processor import Counters, Processor
from app.worker.state.checks import checked
from app.worker.state.reader import StateReader
from app.worker.state.restore import Restored
from app.worker.state.stores import Stores
from app.worker.task_builder import TaskBuilder
from app.worker.tasks import Change, Task
from learners.model import Model
from topics.records import Batch, Outgoing


class LearnerFails(RiverrunError):
    """A learner that fails on one event after another."""


class NoReader:
    """All marks are made here: there is nothing to be read."""

    failure = None

    def __init__(self) -> None:
        self.records: deque[Read] = deque()


class Training:
    """All tasks of a pipeline, which learn a history round by round, as one worker does.

    Args:
        pipeline: What to do.
        partitions: How many each topic has.
        snapshot_key: Signs models that need pickle.
        refused: What could not be learned before; it is set aside.
        before: What another one has learned, by its ``changes``; None for nothing.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        partitions: Mapping[str, int],
        snapshot_key: bytes | None = None,
        refused: defaultdict[TP, dict[Refusal, Exception]] | None = None,
        before: Sequence[Change] | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._key = snapshot_key
        self.assignment, self._processor = Assignment(), Processor()
        self._stores = Stores(pipeline)
        builder = TaskBuilder(pipeline, partitions, snapshot_key, refused)
        known = {(change.state_topic, change.partition): change for change in before or ()}
        begun = {
            (stage, number): self._begun(stage, number, known.get((stage.state_topic, number)))
            for stage in stages(pipeline)
            for number in range(partitions[stage.inputs[0]])
        }
        builder.open(self.assignment, begun, at_once=True)
        self._marks: defaultdict[TP, deque[Outgoing]] = defaultdict(lambda: deque(maxlen=RING))
        self._mixed: MixedModel | None = None
        if builder.marks is not None:
            last, span = stages(pipeline)[-1], mark_length(pipeline)
            self._mixed = MixedModel(last, builder.marks, cast(MarkReader, NoReader()), span, self)
            for change in before or ():
                self._know(builder.marks, change)

    def _begun(self, stage: Stage, number: int, before: Change | None) -> Restored:
        """A state as a worker would restore it."""
        reader = StateReader(self._stores.new(), stage.state_topic)
        for key, value in before.state if before else ():
            reader.apply(key, value)
        found = checked(reader)
        return Restored(
            reader.store,
            dict.fromkeys(stage.inputs) | dict(before.offsets if before else {}),
            inventory=reader.inventory,
            position=found.position,
            checksum=found.checksum,
        )

    def _know(self, marks: Marks, change: Change) -> None:
        """The marks that were made before."""
        at = TP(stages(self._pipeline)[-1].inputs[0], change.partition)
        made = [other for outputs in change.outputs for other in outputs.others]
        for offset, mark in enumerate(made):
            marks.read(change.partition, offset, mark.value or b"")
            self._marks[at].append(mark)

    def observe(self, on_scored: OnScored) -> None:
        """Let all that is scored from now on be looked at."""
        for task in self.assignment.tasks.values():
            sink = getattr(task.agent, "sink", None)
            if isinstance(sink, Score):
                sink.on_scored = on_scored

    def nudge(self) -> None:
        """Nothing is committed before the end."""

    @property
    def counters(self) -> Counters:
        """What was done."""
        return self._processor.counters

    @property
    def models(self) -> list[Model]:
        """What has learned, by partition."""
        models = (task.agent.model for task in self.assignment.tasks.values())
        return [model for model in models if model is not None]

    def run(self, parts: Iterable[Part]) -> list[Outputs] | None:
        """Process one round.

        Returns:
            The outputs of all stages; None where the learner has failed: all is void then, and
            what it failed on is set aside when the history is learned anew.
        """
        for part in parts:
            if self._mixed is not None and part.mark is not None:
                self._mixed.reached(self.assignment, part.mark)
            number = self.assignment.tasks[TP(part.topic, part.partition)].batches
            batch = Batch(
                *(part.topic, part.partition, part.records, self.assignment, number),
                *(part.ends, part.places, part.last, part.mark),
            )
            if not self._processor.process(batch):
                return None
        tasks = self.assignment.tasks.items()
        return [outputs for at, task in tasks for outputs in self._of(at, task)]

    def _of(self, at: TP, task: Task) -> list[Outputs]:
        """The outputs of a task; of the marks the last ones stay here. Its changes are noted in
        its store, and nobody writes them one by one."""
        task.agent.save()
        task.state.changes()
        outputs = task.drop_outputs()
        if task.mixer is not None:
            topic = self._pipeline.marks_topic
            self._marks[at] += (o for each in outputs for o in each.others if o.topic == topic)
        return outputs

    def learned(self) -> list[Learned]:
        """The states of all partitions."""
        by_input = {stage.inputs[0]: stage for stage in stages(self._pipeline)}
        return [self._learned(by_input[at.topic], at, t) for at, t in self.assignment.tasks.items()]

    def _learned(self, stage: Stage, at: TP, task: Task) -> Learned:
        task.agent.save()
        entries = dict(task.state.items(""))
        return Learned(stage, at.partition, entries, task.agent.model, list(self._marks[at]))

    def close(self) -> None:
        """Let go of all states."""
        self.assignment.drop()


Show = Callable[[int], None]
"""Is given the number of records that were learned."""


def train(
    pipeline: Pipeline,
    records: Callable[[], Iterable[TrialRecord]],
    partitions: Mapping[str, int],
    snapshot_key: bytes | None = None,
    show: Show = lambda done: None,
) -> Training:
    """Learn a history, by the tasks of a worker that has all partitions.

    Args:
        pipeline, partitions, snapshot_key: As for `Training`.
        records: In the order of time; begins anew with each call.
        show: Called after each round.

    Raises:
        LearnerFails: For a learner that fails on more than `MOST_REFUSED` events.
    """
    refused: defaultdict[TP, dict[Refusal, Exception]] = defaultdict(dict)
    TaskBuilder(pipeline, partitions, snapshot_key).warm_up(new_model(pipeline))
    while True:
        made = Training(pipeline, partitions, snapshot_key, refused)
        size, done = pipeline.worker.max_batch, 0
        for parts in rounds(pipeline, records(), size):
            if made.run(parts) is None:
                break
            done += sum(len(part.records) for part in parts)
            show(done)
        else:
            return made
        made.close()
        if sum(map(len, refused.values())) > MOST_REFUSED:
            last, error = [each for found in refused.values() for each in found.items()][-1]
            raise LearnerFails(
                f"the learner fails on more than {MOST_REFUSED} events; the last one is number"
                f" {last.offset} of those for {last.topic}[{last.partition}]:"
                f" {type(error).__name__}: {error}"
            ) from error
