"""Feeds batches to the tasks of their assignment, and counts what they do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter, time

from agents.errors import LearnRefused
from agents.outputs import Outputs
from agents.shared.rows import RowBlock
from agents.shared.scores import ForwardedScores
from app.kafka.partitions import TP
from app.sentences import drifts_sentence
from app.worker.assignment import Assignment
from app.worker.measures import Rejected
from app.worker.tasks import Task
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
    rejected: Rejected = field(default_factory=Rejected)
    last_letter: Outgoing | None = None
    last_learned: float | None = None
    """When something was learned, in seconds since 1970; None before."""
    seconds_per_event: float | None = None
    """How long the agents take for one, as of the last batches; None before the first."""

    def took(self, events: int, seconds: float) -> None:
        """Count the events and labels of a batch, with all that it made the later stages do."""
        pace = seconds / events
        before = self.seconds_per_event
        self.seconds_per_event = pace if before is None else (before + pace) / 2
        self.events += events

    def join(self, other: Counters) -> None:
        """Count what another one has done, too."""
        self.events += other.events
        self.predictions += other.predictions
        self.learned += other.learned
        self.dead_letters += other.dead_letters

    def add(self, outputs: Outputs) -> None:
        """Count what an agent returned."""
        self.predictions += len(outputs.predictions)
        if outputs.learned:
            self.learned += outputs.learned
            self.last_learned = time()
        self.dead_letters += len(outputs.dead_letters)
        if outputs.dead_letters:
            self.rejected.add(outputs.dead_letters)
            self.last_letter = outputs.dead_letters[-1]


class Processor:
    """Runs the tasks of a worker."""

    def __init__(self) -> None:
        self.counters = Counters()

    def process(self, batch: Batch) -> bool:
        """Feed a batch to its task; one of an assignment that was dropped is dropped.

        Returns:
            False: its task has become void, all of them were dropped, and their states must be
            restored; the event that could not be learned is set aside then.

        Raises:
            BatchMissing: when a batch got lost.
        """
        assignment: Assignment = batch.assignment
        task = assignment.tasks.get(at := TP(batch.topic, batch.partition))
        if task is None:
            return True
        started, predictions = perf_counter(), self.counters.predictions
        try:
            self._run(assignment, at, task, partial(task.process, batch))
            if batch.last and (batch.places is not None or assignment.whole):
                self._hand_over(assignment, task)
        except LearnRefused:
            assignment.drop()
            return False
        if batch.places is not None:
            assignment.whole = batch.last
        self.counters.took(batch.size, perf_counter() - started)
        if predicted := self.counters.predictions - predictions:
            assignment.predicted.append((batch.records[0].timestamp()[1], predicted))
        return True

    def _run(
        self, assignment: Assignment, at: TP, task: Task, process: Callable[[], Outputs]
    ) -> None:
        """Let a task do its work."""
        model = task.agent.model
        drifts = model and model.drifts
        try:
            outputs = process()
        except LearnRefused as error:
            _set_aside(task, error)
            raise
        self.counters.add(outputs)
        assignment.handover.accept(outputs)
        if model and model.drifts != drifts:
            log.warning("%s: %s", at, drift_of(model))

    def _hand_over(self, assignment: Assignment, task: Task) -> None:
        """Give the later stages what waits for them, at the end of a round."""
        handover = assignment.handover
        if not handover.at_once and (records := handover.records()):
            task.add(Outputs(others=records))
        while forwarded := handover.take():
            for at, operations in forwarded:
                receiver = assignment.tasks[at]
                self._run(assignment, at, receiver, partial(receiver.take_forwarded, operations))
        if (scores := assignment.handover.scores()) is not None:
            self._hand_scores(assignment, task, scores)
        if (rows := assignment.handover.rows()) is not None:
            self._hand_rows(assignment, task, *rows)

    def _hand_scores(self, assignment: Assignment, task: Task, scores: ForwardedScores) -> None:
        """Let the stage decide that does so for all partitions; else write for it."""
        if not assignment.handover.at_once:
            task.add(Outputs(others=scores.outgoing()))
            return
        at = TP(scores.topic, 0)
        receiver = assignment.tasks[at]
        self._run(assignment, at, receiver, partial(receiver.take_forwarded, scores.scored))

    def _hand_rows(
        self, assignment: Assignment, task: Task, topic: str, records: list[Outgoing]
    ) -> None:
        """Write labelled rows: all of the round, in the order of the stream.

        Where all learners are here, they have them at once, as they would read them.
        """
        if not assignment.handover.at_once:
            task.add(Outputs(others=records))
            return
        for record in records:
            block = RowBlock.decode(record.value or b"")
            for at in assignment.handover.learners:
                learner = assignment.tasks[at]
                self._run(assignment, at, learner, partial(learner.take_forwarded, block))
        reader = assignment.tasks[TP(topic, 0)]
        written = [record._replace(on_delivery=reader.read_back) for record in records]
        reader.add(Outputs(others=written))
        reader.dirty = True


def _set_aside(task: Task, error: LearnRefused) -> None:
    """What cannot be learned becomes a dead letter, when it comes again."""
    topic, partition, offset, label = error.refusal
    what = f"the label ({label}) becomes" if label else "it becomes"
    log.warning("%s[%d]@%d: %s; %s a dead letter", topic, partition, offset, error.cause, what)
    # Its frames hold the task, which is void.
    task.refused[error.refusal] = error.cause.with_traceback(None)


def drift_of(model: Model) -> str | None:
    """What has happened to a watched model; None without a drift."""
    if not model.drifts:
        return None
    reaction = (model.spec.drift or {}).get("reaction", "alarm")
    return drifts_sentence(model.drifts, model.last_drift, f" ({reaction})")
