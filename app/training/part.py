"""One part of the keys of a stage, learned by itself: what a process does.

A part is a partition of its own: part q of n has the keys whose murmur2 is q modulo n. Where n is
a multiple of the pipeline's partitions, a part belongs to partition q modulo their number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from agents.shared.mark import RING
from agents.sinks.history import Learned as LearnedRows
from agents.sinks.score import Score
from agents.sinks.scored import ScoredBatch
from app.errors import RiverrunError
from app.pipeline.load import Pipeline
from app.pipeline.models import new_model
from app.pipeline.stages import Stage
from app.pipeline.topics import pipeline_topics
from app.training.learned import Learned
from app.trial.records import TrialRecord
from app.worker.assignment import Assignment
from app.worker.processor import Counters, Processor
from app.worker.state.restore import Restored
from app.worker.state.stores import Stores
from app.worker.task_builder import TaskBuilder
from topics.records import Batch, Outgoing

Look = Callable[[LearnedRows, ScoredBatch], Iterable[Outgoing]]
"""Looks at what was scored and learned, and returns what it says of it."""
Exchange = Callable[[bytes], Sequence[bytes]]
"""Says what this part says at a mark, and returns what all parts say there, in their order."""


class Placed(NamedTuple):
    """A record at its place in the whole stream.

    Attributes:
        place: Counts all records of events and labels, in the order of the stream.
        mark: Which mark it lies behind; None where there are none.
        record: None for a mark alone, which all parts pass.
    """

    place: int
    mark: int | None
    record: TrialRecord | None


class PartFails(RiverrunError):
    """A learner that fails in a part: only one process can set an event aside."""


class PartRun:
    """The task of one part of a stage, over the records of its keys.

    Args:
        pipeline: What to do.
        stage: Which part of it.
        part, parts: Which one of how many.
        snapshot_key: Signs models that need pickle.
        exchange: With the other parts, at each mark; None where they do not mix.
        look: What it returns is yielded, too; None where nobody looks.

    Attributes:
        stage: As given.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        stage: Stage,
        part: int,
        parts: int,
        snapshot_key: bytes | None = None,
        exchange: Exchange | None = None,
        look: Look | None = None,
    ) -> None:
        self._pipeline, self.stage, self._part = pipeline, stage, part
        self._exchange = exchange
        counts = {topic.name: parts for topic in pipeline_topics(pipeline)}
        self._builder = TaskBuilder(pipeline, counts, snapshot_key)
        self._builder.warm_up(new_model(pipeline))
        fresh = {(stage, part): Restored(Stores(pipeline).new(), dict.fromkeys(stage.inputs))}
        self._assignment, self._processor = Assignment(), Processor()
        # One operation a record: those of all parts are brought into the order of their places.
        self._builder.open(self._assignment, fresh, most=1)
        (self._task,) = self._assignment.tasks.values()
        self._marks: deque[Outgoing] = deque(maxlen=RING)
        self._seen: list[Outgoing] = []
        sink = getattr(self._task.agent, "sink", None)
        if look is not None and isinstance(sink, Score):
            sink.on_scored = lambda learned, scored: self._seen.extend(look(learned, scored))

    @property
    def counters(self) -> Counters:
        """What was done."""
        return self._processor.counters

    def run(self, records: Iterable[Placed], size: int) -> Iterator[Outgoing]:
        """Process records in their order; yields what goes to the next stage, or was looked at.

        Raises:
            PartFails: The learner failed.
        """
        for mark, group in self._by_mark(records):
            if mark is not None:
                self.pass_mark(mark)
            batch: list[Placed] = []
            for placed in group:
                batch.append(placed)
                if len(batch) >= size:
                    yield from self._process(batch)
                    batch = []
            yield from self._process(batch)

    def _by_mark(self, records: Iterable[Placed]) -> Iterable[tuple[int | None, Iterable[Placed]]]:
        """Records between two marks, where that matters: a batch of few costs as one of many."""
        return [(None, records)] if self._exchange is None else groupby(records, attrgetter("mark"))

    def pass_mark(self, mark: int) -> None:
        """Say what was learned since the last mark, and take over what all have learned."""
        marks, task, mixer = self._builder.marks, self._task, self._task.mixer
        if self._exchange is None or marks is None or mixer is None:
            return
        task.pass_mark(mark, marks)
        (said,) = [other for each in task.drop_outputs() for other in each.others]
        self._marks.append(said)
        for part, value in enumerate(self._exchange(said.value or b"")):
            if part != self._part:
                marks.read(part, mixer.number - 1, value)
        if mixer.waits_for is not None:
            task.adopt()

    def become_one(self, passed: Sequence[tuple[int, int]]) -> None:
        """Take over what all parts have learned to the end, so that all have one model.

        Args:
            passed: The places and marks so far.
        """
        if passed:
            # What is said at one mark is taken over at the next one.
            self.pass_mark(passed[-1][1] + 1)
            self.pass_mark(passed[-1][1] + 2)

    def learned(self) -> Learned:
        """The state of the part."""
        self._task.agent.save()
        entries = dict(self._task.state.items(""))
        model = self._task.agent.model
        return Learned(self.stage, self._part, entries, model, list(self._marks))

    def close(self) -> None:
        """Let go of the state."""
        self._assignment.drop()

    def _process(self, batch: Sequence[Placed]) -> Iterator[Outgoing]:
        records = [placed.record for placed in batch if placed.record is not None]
        if not records:
            return
        topic = self.stage.inputs[0]
        places = [placed.place for placed in batch if placed.record is not None]
        made = Batch(
            *(topic, self._part, records, self._assignment, self._task.batches, {}, places)
        )
        if not self._processor.process(made):
            raise PartFails(
                f"{topic}[{self._part}]: the learner fails on an event: learn with --workers 1,"
                " which sets it aside"
            )
        self._task.agent.save()
        self._task.state.changes()
        for outputs in self._task.drop_outputs():
            yield from (o for o in outputs.others if o.topic == self.stage.next_topic)
        yield from self._seen
        self._seen.clear()
