"""What a worker does for a model that all partitions mix."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Protocol

from agents.shared.marks import Marks
from app.errors import RiverrunError
from app.kafka.partitions import TP
from app.pipeline.stages import Stage
from app.worker.assignment import Assignment
from app.worker.input.mark_reader import MarkReader
from app.worker.one_model import OneModel
from app.worker.tasks import Task
from topics.records import Batch

log = logging.getLogger("riverrun.worker")

LOOK_SECONDS = 0.5
"""Between two looks whether a partition, for which others wait, is at its end."""
SAY_SECONDS = 5.0
"""After so long the worker says for whom it waits."""


class MarksMissing(RiverrunError):
    """The state of a partition and its marks do not belong together."""


class Committing(Protocol):
    """What it needs of a committer."""

    assignment: Assignment

    def nudge(self) -> None:
        """Look whether a commit is due."""
        ...


class MixedModel(OneModel):
    """Lets the partitions of this worker pass marks together, and takes over what others say.

    No round has records from both sides of a mark, so between two rounds all partitions of the
    worker are at the same place. What they say there is in the transaction of the next round.

    Args:
        stage: The last one, which learns.
        marks: Of all partitions, as far as this worker knows.
        reader: Reads them from Kafka.
        span: Milliseconds between two marks.
        committer: Has the assignment of this moment.
    """

    def __init__(
        self, stage: Stage, marks: Marks, reader: MarkReader, span: int, committer: Committing
    ) -> None:
        self._stage = stage
        self._marks = marks
        self._reader = reader
        self._span = span
        self._committer = committer
        self._news = asyncio.Event()
        self._refused: Exception | None = None

    async def have_newest(self, assignment: Assignment) -> None:
        """Know all that was said until now."""
        loop = asyncio.get_running_loop()

        def on_records() -> None:
            loop.call_soon_threadsafe(self._came)

        self._reader.on_records = on_records
        await asyncio.to_thread(self._reader.read_again)
        self.take()

    def begin(self, assignment: Assignment) -> None:
        """Go on from the marks that the restored partitions have passed.

        Raises:
            MarksMissing: when Kafka has not the marks of which a state knows, or has more.
        """
        least: dict[TP, int] = {}
        for task in self._tasks(assignment):
            mixer = task.mixer
            assert mixer is not None
            if (there := self._marks.number(task.partition)) != mixer.number:
                topic = self._marks.terms.topic
                raise MarksMissing(
                    f"{topic}[{task.partition}] has {there} marks, and the state of the partition"
                    f" is of {mixer.number}: one of both was deleted or set back. Give the"
                    " pipeline a new name, and `riverrun model import` the model there"
                )
            for topic in self._stage.inputs:
                least[TP(topic, task.partition)] = self._span * (mixer.mark or 0)
        if self._forwarded(assignment):  # its events may go to any partition of the last stage
            most = max(least.values(), default=0)
            least = dict.fromkeys(assignment.partitions, most)
        assignment.least = least

    async def reach(self, batch: Batch, show: Callable[[str], None]) -> None:
        """Pass the mark that a batch lies behind; waits where others must come first.

        Args:
            batch: To be processed next.
            show: Called with what is waited for, where it takes long.
        """
        assignment: Assignment = batch.assignment
        if batch.mark is None or not self._feeds(assignment, batch):
            return
        self.take()
        if self.reached(assignment, batch.mark):
            return
        assignment.held, since, said = True, monotonic(), ""
        while assignment.tasks and not self.reached(assignment, batch.mark):
            self._committer.nudge()
            self._news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), LOOK_SECONDS)
            self.take()
            if not said and monotonic() > since + SAY_SECONDS:
                said = self._words(batch.mark)
                log.warning("%s", said)
                show(said)
        assignment.held = False
        if said:
            show("")

    def reached(self, assignment: Assignment, mark: int) -> bool:
        """Whether all partitions of this worker have passed a mark, with the model of all.

        Those that can pass it do so.
        """
        tasks = self._tasks(assignment)
        passed = [self._pass(task, mark) for task in tasks]
        # One may have waited for what another one has said just now.
        return all(passed) or all(self._pass(task, mark) for task in tasks)

    def follow(self) -> None:
        """Let partitions that are at their end pass the marks that others wait for.

        One mark behind the others, so what comes late by less than that is not too late.
        """
        assignment, newest = self._committer.assignment, self._marks.newest
        if newest is None or not assignment.idle or not assignment.whole:
            return
        feeding = tuple(tp for tp in assignment.partitions if tp.topic in self._inputs(assignment))
        if feeding and all(tp.topic in assignment.ended for tp in feeding):
            self.reached(assignment, newest - 1)
            self._committer.nudge()

    @property
    def failure(self) -> Exception | None:
        """Why marks come no more; None while they do."""
        return self._reader.failure or self._refused

    def stop(self) -> None:
        """Read nothing any more, soon."""
        self._reader.stop()

    def _came(self) -> None:
        """There are more marks."""
        self._news.set()
        try:
            self.take()
            self.follow()
        except Exception as error:  # it ends the worker where somebody looks
            self._refused = error

    def take(self) -> None:
        """Take what was read.

        Raises:
            MarksRefused, MarksLost: when it cannot be mixed, or nothing more can be read.
        """
        if self.failure is not None:
            raise self.failure
        while self._reader.records:
            self._marks.read(*self._reader.records.popleft())

    def _pass(self, task: Task, mark: int) -> bool:
        mixer = task.mixer
        assert mixer is not None
        while True:
            if mixer.waits_for is not None:
                if self._marks.behind(mixer.waits_for):
                    # One that is ahead of the round has no records in it.
                    return mixer.mark is not None and mixer.mark > mark
                task.adopt()
            if mixer.mark is not None and mixer.mark >= mark:
                return True
            task.pass_mark(mark, self._marks)

    def _tasks(self, assignment: Assignment) -> list[Task]:
        return [task for task in assignment.tasks.values() if task.mixer is not None]

    def _feeds(self, assignment: Assignment, batch: Batch) -> bool:
        """Whether records of the batch go to the last stage in this round."""
        return self._forwarded(assignment) or batch.topic == self._stage.inputs[0]

    def _forwarded(self, assignment: Assignment) -> bool:
        """Whether what the first stage reads gets to the last one in the same round."""
        others = any(tp.topic not in self._stage.inputs for tp in assignment.partitions)
        return others and assignment.handover.at_once

    def _inputs(self, assignment: Assignment) -> set[str]:
        if self._forwarded(assignment):
            return {tp.topic for tp in assignment.partitions}
        return set(self._stage.inputs)

    def _words(self, mark: int) -> str:
        behind = self._marks.behind(mark - 1)
        return (
            f"it waits for partitions {behind}, which are more than a mark (learner.mark) behind:"
            " their workers are slower, or are away until the group notices"
        )
