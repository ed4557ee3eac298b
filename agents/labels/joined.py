"""What happened when events and labels came, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from agents.events.found_fields import Column, FieldScanner
from agents.labels.arrived import Arrived
from agents.lazy_fields import Fields, LazyFields, chained
from agents.operations import DROP, EVENT, Kinds, Operations, Row
from agents.rejected import Rejected
from learners.engine.kernels import Ints
from topics.records import Record

unpack = msgspec.msgpack.Decoder().decode


@dataclass(slots=True)
class Joined:
    """What happened, as columns; see ``Operations``.

    Attributes:
        came: One part after another.
        by: The arrival by which it did.
        rejected: What was set aside, and the arrival by which it was.
    """

    kinds: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    event_times: list[int] = field(default_factory=list)
    ids: list[Any] = field(default_factory=list)
    came: list[Sequence[Fields]] = field(default_factory=list)
    labels: list[Any] = field(default_factory=list)
    befores: list[Any] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    by: list[int] = field(default_factory=list)
    rejected: list[tuple[int, Rejected]] = field(default_factory=list)

    def add(self, at: int, rows: Sequence[Row], rejected: Sequence[Rejected]) -> None:
        """What happened by one arrival."""
        for row in rows:
            kind, time, event_time, id_, fields, label, before, weight, record = row
            self.extend([kind], [time], [event_time], [id_], [fields], [label], [weight])
            self.befores[-1] = before
            self.records.append(record)
        self.by += [at] * len(rows)
        self.rejected += [(at, each) for each in rejected]

    def extend(
        self,
        kinds: list[int],
        times: list[int],
        event_times: list[int],
        ids: list[Any],
        came: Sequence[Fields],
        labels: list[Any],
        weights: list[int],
    ) -> None:
        """What happened by several, besides `records` and `by`."""
        self.kinds += kinds
        self.times += times
        self.event_times += event_times
        self.ids += ids
        self.came.append(came)
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
            *(self.ids, chained(self.came), self.labels, self.befores, self.weights, self.records),
            causes=[causes[i] for i in self.by],
            places=np.array([places[i] for i in self.by], np.int64),
            looked_up=self._looked_up(),
        )

    def _looked_up(self) -> dict[str, list[Any]]:
        """The fields that are at hand of all parts."""
        columns = [part.columns() for part in self.came if isinstance(part, JoinedFields)]
        if not columns or not all(columns):
            return {}
        at_hand = iter(columns)
        parts = [
            next(at_hand)
            if isinstance(part, JoinedFields)
            else {name: [fields.get(name) for fields in part] for name in columns[0]}
            for part in self.came
        ]
        return {name: [value for part in parts for value in part[name]] for name in columns[0]}


class JoinedFields(LazyFields):
    """What the events said, and what was kept of the events of the labels.

    Args:
        arrived: By what it happened.
        label: The name that a label has among the fields of its event.
        kinds: Of what happened; see ``Operations``.
        by: The arrival by which each did.
        labels: Of each; what they are of an event does not matter.
        kept: What was kept of the event of each label, with a byte behind it.
        ends: Where that ends; of an event what was before it.
    """

    def __init__(
        self,
        arrived: Arrived,
        label: str,
        kinds: Kinds,
        by: Ints,
        labels: list[Any],
        kept: bytes,
        ends: Ints,
    ) -> None:
        super().__init__(self._fields, range(len(kinds)))
        self._arrived, self._label = arrived, label
        self._kinds, self._by, self._labels = kinds, by, labels
        self._kept, self._ends = kept, ends

    def columns(self) -> dict[str, list[Any]]:
        """The fields that are at hand of the events, also of the labels."""
        names = tuple(self._arrived.columns)
        are_events = self._kinds == EVENT
        bounds = np.concatenate([[0], self._ends[~are_events]])
        scanner = FieldScanner("msgpack", unpack)
        found = scanner.scan_joined(self._kept, bounds, names) if names else None
        if found is None:
            return {}
        numbers = np.cumsum(~self._arrived.are_labels) - 1  # of the events among all arrivals
        events, columns = numbers[self._by[are_events]], {}
        for name in names:
            column = _mixed(
                are_events, self._arrived.columns[name][events], found.column(name)
            ).tolist()
            if name == self._label:
                for k in np.flatnonzero(~are_events & (self._kinds != DROP)).tolist():
                    column[k] = self._labels[k]
            columns[name] = column
        return columns

    def _fields(self, k: int) -> Fields:
        if self._kinds[k] == EVENT:
            fields: Fields = self._arrived.came[self._by[k]]
            return fields
        first = self._ends[k - 1] if k else 0
        kept: dict[str, Any] = unpack(self._kept[first : self._ends[k] - 1])
        if self._kinds[k] != DROP:
            kept[self._label] = self._labels[k]
        return kept


def _mixed(are_events: Any, events: Column, others: Column) -> Column:
    same = events.dtype == others.dtype
    column = np.empty(len(are_events), events.dtype if same else object)
    column[are_events], column[~are_events] = events, others
    return column
