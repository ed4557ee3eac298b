"""A batch as the evaluator takes it: cut where a window may be closed, or evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.evaluation.window import ScoredEvent
from agents.operations import EVENT, Operations
from learners.engine.kernels import Ints


@dataclass(frozen=True, slots=True)
class EvaluatedBatch:
    """The operations of a batch.

    Attributes:
        operations: All of them.
        clock: The time of the stream after each.
        starts: When the window of each one's event began.
        events: Where the events stand that were scored; ascending.
        said: What was said of these.
        labels: Where the labels stand; ascending.
        windows: When any window of an event began.
    """

    operations: Operations
    clock: Ints
    starts: Ints
    events: Ints
    said: ScoredEvent
    labels: Ints
    windows: Sequence[int]

    @classmethod
    def of(
        cls, operations: Operations, events: Ints, said: ScoredEvent, length: int, now: int
    ) -> EvaluatedBatch:
        """Of windows of this length, in milliseconds, where the stream's time is ``now``."""
        starts = operations.event_times - operations.event_times % length
        clock = np.maximum(np.maximum.accumulate(operations.times), now)
        windows = np.unique(starts[events]).tolist()
        labels = np.flatnonzero(operations.kinds != EVENT)
        return cls(operations, clock, starts, events, said, labels, windows)

    def __len__(self) -> int:
        return len(self.clock)

    def when(self, time: int) -> int:
        """The first place at which the stream has come to this time."""
        return int(np.searchsorted(self.clock, time))

    def first_event(self, starts: Sequence[int], at: int) -> int:
        """The first place from `at` on of an event of these windows."""
        events = self.events[np.searchsorted(self.events, at) :]
        found = events[np.isin(self.starts[events], starts)]
        return int(found[0]) if len(found) else len(self)

    def part(self, places: Ints, at: int, end: int) -> Ints:
        """Those of ascending places that lie between."""
        first, last = np.searchsorted(places, (at, end))
        return places[first:last]

    def by_window(self, places: Ints) -> Iterator[tuple[int, Ints]]:
        """When each window of these places began, and its own ones of them."""
        starts = self.starts[places]
        for start in dict.fromkeys(starts.tolist()):
            yield start, places[starts == start]

    def said_of(self, places: Ints) -> ScoredEvent:
        """What was said of the events at these ascending places."""
        if len(places) == len(self.events):
            return self.said
        return self.said.some(np.searchsorted(self.events, places).tolist())

    def ids(self, places: Ints) -> list[Any]:
        """Of the events at these places."""
        ids = self.operations.ids
        return [ids[i] for i in places.tolist()]
