"""What happened when events and labels came, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agents.operations import Operations, Row
from agents.rejected import Rejected
from topics.records import Record


@dataclass(slots=True)
class Joined:
    """What happened, as columns; see ``Operations``.

    Attributes:
        by: The arrival by which it did.
        rejected: What was set aside, and the arrival by which it was.
    """

    kinds: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    event_times: list[int] = field(default_factory=list)
    ids: list[Any] = field(default_factory=list)
    came: list[Any] = field(default_factory=list)
    labels: list[Any] = field(default_factory=list)
    befores: list[Any] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    by: list[int] = field(default_factory=list)
    rejected: list[tuple[int, Rejected]] = field(default_factory=list)

    def add(self, at: int, rows: Sequence[Row], rejected: Sequence[Rejected]) -> None:
        """What happened by one arrival."""
        for row in rows:
            for column, value in zip(self._columns(), row, strict=True):
                column.append(value)
        self.by += [at] * len(rows)
        self.rejected += [(at, each) for each in rejected]

    def extend(
        self,
        kinds: list[int],
        times: list[int],
        event_times: list[int],
        ids: list[Any],
        came: list[Any],
        labels: list[Any],
        weights: list[int],
    ) -> None:
        """What happened by several, besides `records` and `by`."""
        self.kinds += kinds
        self.times += times
        self.event_times += event_times
        self.ids += ids
        self.came += came
        self.labels += labels
        self.befores += [None] * len(kinds)
        self.weights += weights

    def operations(self, causes: Sequence[Record], places: Sequence[int]) -> Operations:
        """All of it.

        Args:
            causes: The record of each arrival.
            places: Of each arrival; see `Batch.places`.
        """
        return Operations(
            np.array(self.kinds, np.int8),
            (np.array(self.times, np.int64), np.array(self.event_times, np.int64)),
            *(self.ids, self.came, self.labels, self.befores, self.weights, self.records),
            causes=[causes[i] for i in self.by],
            places=np.array([places[i] for i in self.by], np.int64),
        )

    def _columns(self) -> list[list[Any]]:
        return [
            *(self.kinds, self.times, self.event_times, self.ids, self.came),
            *(self.labels, self.befores, self.weights, self.records),
        ]
