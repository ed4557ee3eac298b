"""How a history is learned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

from app.pipeline.load import Pipeline
from app.replay.base import Source
from app.training.cut import Cut
from app.training.history import History
from app.training.learned import Learned
from app.training.local import learn_in_parts
from app.training.training import Show, train
from app.worker.processor import Counters

NewSource = Callable[[], Source]
"""Opens a source; with several workers in other processes, so it must be picklable."""


@dataclass(frozen=True)
class Plan:
    """How a history is learned.

    Attributes:
        cut: Milliseconds since 1970: what is earlier is history, all else comes by the stream.
        key: The field of the key, before those of pipeline and source.
        overlap: Milliseconds before the cut that are learned both ways, and compared; 0 for none.
        bound: How far apart features and scores may be then.
        workers: Processes; more than one learn in parts.
        snapshot_key: Signs models that need pickle.
    """

    cut: int
    key: str | None = None
    overlap: int = 0
    bound: float = 0.0
    workers: int = 1
    snapshot_key: bytes | None = None


@dataclass(frozen=True)
class Learning:
    """Learns a history in one order, or in parts by processes of this machine.

    Attributes:
        pipeline: What to do.
        partitions: How many each topic has.
        source: Opens events and labels, in the order of time.
        plan: How.
        cut: Where the stream goes on.
        show: Called now and then with the number of records that were learned.
    """

    pipeline: Pipeline
    partitions: Mapping[str, int]
    source: NewSource
    plan: Plan
    cut: Cut
    show: Show

    def learn(self, overlap: Cut | None = None) -> tuple[list[Learned], Counters, History]:
        """The states, what was done, and what was read; up to an overlap, where there is one."""
        pipeline, key = self.pipeline, self.plan.snapshot_key
        new = partial(self.history, overlap, False if overlap else None)
        count = self.partitions[pipeline.events.topic]
        if self.plan.workers > 1:
            # Other processes cannot show what they do.
            there = replace(self, show=_shown)
            new = partial(there.history, overlap, False if overlap else None)
            return learn_in_parts(pipeline, new, count, self.plan.workers, key)
        history = new()
        with closing(train(pipeline, history.records, self.partitions, key, self.show)) as made:
            return made.learned(), made.counters, history

    def report(self) -> Iterable[str]:
        """What else is to be told of it."""
        return ()

    def history(self, overlap: Cut | None = None, later: bool | None = None) -> History:
        """The history, opened anew."""
        return History(
            self.pipeline,
            self.source(),
            self.partitions[self.pipeline.events.topic],
            self.plan.cut,
            self.plan.key,
            self.cut.late,
            None if overlap is None else (overlap.time, overlap.late),
            later,
        )


def _shown(done: int) -> None:
    """Nothing."""
