"""What belongs to one assignment of partitions to this worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.labels.counts import JoinCounts
from app.kafka.partitions import TP
from app.worker.handover import Handover
from app.worker.state.reader import StateReader
from app.worker.tasks import Task


@dataclass(slots=True, eq=False)
class Assignment:
    """Partitions from the moment they come, or are restored anew, to the moment they go.

    It is made by the fetcher, filled by a restore and dropped whole. Each batch names the one it
    was fetched in: after a drop that has no tasks any more, and the batch is dropped too.

    Attributes:
        partitions: Of the inputs of all stages.
        group: The consumer group's metadata as of this assignment: what fences a commit.
        tasks: By the first input of their stage.
        handover: Takes what a stage forwards to the next one.
        whole: Whether all of each round has been processed; in the middle nothing is committed.
        waiting: Records that were fetched and not processed yet.
        all_fetched: Whether nothing is there to be fetched at this moment.
        ended: Topics of which nothing is left to be merged, at this moment.
        least: By partition of an input: records of an earlier time, in milliseconds since 1970,
            count as if they were of this one, where they are merged.
        held: Whether other workers must pass a mark first.
        predicted: For each batch since the last commit the timestamp of its first record, in
            milliseconds since 1970, and how many predictions it made.
    """

    partitions: tuple[TP, ...] = ()
    group: Any = None
    tasks: Mapping[TP, Task] = field(default_factory=dict)
    handover: Handover = field(default_factory=Handover)
    whole: bool = True
    waiting: int = 0
    all_fetched: bool = False
    ended: frozenset[str] = frozenset()
    least: Mapping[TP, int] = field(default_factory=dict)
    held: bool = False
    predicted: list[tuple[int, int]] = field(default_factory=list)

    @property
    def idle(self) -> bool:
        """Whether all that is there to be read was processed."""
        return self.all_fetched and self.waiting == 0

    @property
    def due(self) -> list[Task]:
        """The tasks that have something to commit; none in the middle of a round."""
        return [task for task in self.tasks.values() if task.dirty] if self.whole else []

    @property
    def uncommitted(self) -> int:
        """Records that were processed since the last commit."""
        return sum(task.events for task in self.tasks.values())

    def drop(self) -> None:
        """Drop all tasks: what they hold is void, or committed."""
        tasks, self.tasks, self.whole = self.tasks, {}, True
        self.handover.forget()
        for task in tasks.values():
            task.state.close()

    def release(self) -> list[tuple[str, int, StateReader]]:
        """Drop all tasks; returns, by state topic and partition, the states to be followed."""
        released, dropped = [], {}
        for tp, task in self.tasks.items():
            reader = task.release()
            if reader is None:
                dropped[tp] = task
            else:
                released.append((task.state_topic, task.partition, reader))
        self.tasks = dropped  # the stores of the others go on
        self.drop()
        return released

    @property
    def learned(self) -> int:
        """Events that the models have learned."""
        models = [task.agent.model for task in self.tasks.values()]
        return sum(model.learned for model in models if model is not None)

    @property
    def offsets(self) -> dict[TP, int | None]:
        """Up to where each input was processed, exclusive; None for one that was never read."""
        done = {
            TP(topic, task.partition): offset
            for task in self.tasks.values()
            for topic, offset in task.offsets.items()
        }
        return {tp: done.get(tp) for tp in self.partitions}

    @property
    def labels(self) -> JoinCounts:
        """What happened to the labels."""
        total = JoinCounts()
        for task in self.tasks.values():
            if (counts := task.agent.labels) is not None:
                total.add(counts)
        return total
