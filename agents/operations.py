"""The carrier: what happens to a pipeline, in the order of time, as columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from agents.dead_letter_format import DeadLetterFormat
from agents.events.read import Read
from agents.field_columns import FieldColumns
from agents.lazy_fields import Fields, LazyFields, chained
from agents.records import StoredRecord
from agents.rejected import Rejected
from learners.engine.kernels import Floats, Ints
from topics.dead_letters import Stage
from topics.records import Record, Source, of_each, some

Kind = Literal["learn", "correct", "drop"]
"""Of a label: the first one of its event, one that takes the place of another, or none any more."""

EVENT, LEARN, CORRECT, DROP, UNJOINED = range(5)
"""UNJOINED: a label on its way to the stage where its event waits."""
KINDS: tuple[Kind, ...] = ("learn", "correct", "drop")
"""The kind of a label that was joined is KINDS[number - 1]."""

Kinds = NDArray[np.int8]
Row = tuple[int, int, int, Any, Fields, Any, Any, int, Record]
"""Kind, time, event_time, id, fields, label, before, weight and record of one operation."""


class ParsedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event as it was read.

    Attributes:
        id: Its own id; None where the pipeline names no id field.
        time: Of its record, in milliseconds since 1970.
        fields: What it says.
        record: The record.
    """

    id: Any
    time: int
    fields: Fields
    record: Record

    def row(self) -> Row:
        """It as an operation."""
        return EVENT, self.time, self.time, self.id, self.fields, None, None, 0, self.record


@dataclass(slots=True)
class Operations:
    """A batch of operations; all columns have the same length.

    A stage adds features as columns; what came stays as it is. Only `fields` builds a dict.

    Attributes:
        kinds: EVENT, or of a label LEARN, CORRECT, DROP or UNJOINED.
        stamps: `times` and `event_times`; None until asked for: those of the events' records.
        ids: Of the events; None where the pipeline names no id field.
        came: What an event said; of a label those fields of its event that later stages need:
            the entities, and what features are made of.
        labels: Of a label the label; of an event the one that came with it, or None.
        befores: The label that was known until now, of a CORRECT.
        weights: How often a label is to be learned; 0 for not at all.
        records: What brought it: an event's own record, or a label's.
        causes: The record of this worker's input by which it happens.
        places: Of the causes; see `Batch.places`.
        added: The features that were added to the events, by name; they mean nothing in the
            rows of labels.
        letters: Says how dead letters are made; None in the first stage: the records themselves.
        read: Features and labels, where the source has read them already: all of them came
            with the events.
        origin: Topic and partition of all events; None where they differ.
        looked_up: Fields that were asked for, as they came.
        asked: Gets the names of fields that had to be looked up in every row: its source has
            them at hand from the next batch on. None where nobody does.
    """

    kinds: Kinds
    stamps: tuple[Ints, Ints] | None
    ids: Sequence[Any]
    came: Sequence[Fields]
    labels: list[Any]
    befores: list[Any]
    weights: list[int]
    records: Sequence[Record]
    causes: Sequence[Record]
    places: Ints
    added: dict[str, Floats] = field(default_factory=dict)
    letters: DeadLetterFormat | None = None
    read: Read | None = None
    origin: tuple[str, int] | None = None
    looked_up: dict[str, list[Any]] = field(default_factory=dict)
    asked: set[str] | None = None

    @classmethod
    def of(cls, rows: Sequence[Row], causes: Sequence[Record], places: Sequence[int]) -> Operations:
        """Rows as columns, each with its cause and its place."""
        columns = list(map(list, zip(*rows, strict=True))) or [[] for _ in range(9)]
        kinds, times, event_times, ids, came, labels, befores, weights, records = columns
        return cls(
            np.array(kinds, np.int8),
            (np.array(times, np.int64), np.array(event_times, np.int64)),
            ids,
            came,
            labels,
            befores,
            weights,
            records,
            list(causes),
            np.array(places, np.int64),
        )

    @classmethod
    def of_events(
        cls, ids: Sequence[Any], came: Sequence[Fields], records: Sequence[Record], places: Ints
    ) -> Operations:
        """Events that happen by their own records; nothing is known of them but what came."""
        count = len(records)
        nothing = [None] * count
        kinds, known = np.full(count, EVENT, np.int8), (nothing, list(nothing), [0] * count)
        return cls(kinds, None, ids, came, *known, records, records, places)

    @classmethod
    def joined(cls, parts: Sequence[Operations]) -> Operations:
        """Batches of one stage, one behind the other."""
        first = parts[0]
        if len(parts) == 1:
            return first

        def all_of(column: Callable[[Operations], Sequence[Any]]) -> list[Any]:
            return [value for part in parts for value in column(part)]

        times = np.concatenate([part.times for part in parts])
        event_times = np.concatenate([part.event_times for part in parts])
        origins = {part.origin for part in parts}
        return cls(
            np.concatenate([part.kinds for part in parts]),
            (times, event_times),
            all_of(lambda part: part.ids),
            chained([part.came for part in parts]),
            all_of(lambda part: part.labels),
            all_of(lambda part: part.befores),
            all_of(lambda part: part.weights),
            all_of(lambda part: part.records),
            all_of(lambda part: part.causes),
            np.concatenate([part.places for part in parts]),
            {n: np.concatenate([part.added[n] for part in parts]) for n in first.added},
            first.letters,
            origin=origins.pop() if len(origins) == 1 else None,
            looked_up={
                name: all_of(partial(Operations._looked_up, name=name))
                for name in set(first.looked_up).union(*(part.looked_up for part in parts))
            },
            asked=first.asked,
        )

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def times(self) -> Ints:
        """Of events the time of their record, of labels that of the stream; ms since 1970."""
        return self._stamps()[0]

    @property
    def event_times(self) -> Ints:
        """When each event was, in milliseconds since 1970."""
        return self._stamps()[1]

    def _stamps(self) -> tuple[Ints, Ints]:
        if self.stamps is None:
            stamps = of_each(self.records, "timestamp")
            times = np.array([time for _, time in stamps], np.int64)
            self.stamps = times, times
        return self.stamps

    @property
    def events(self) -> Ints:
        """Where the events stand."""
        return np.flatnonzero(self.kinds == EVENT)

    def take(self, at: Ints) -> Operations:
        """The operations that stand at these places, in this order."""
        if len(at) == len(self) and bool((at == np.arange(len(at))).all()):
            return self
        order = at.tolist()

        def of(column: Sequence[Any]) -> list[Any]:
            return [column[i] for i in order]

        return Operations(
            self.kinds[at],
            (self.times[at], self.event_times[at]),
            of(self.ids),
            self.came.take(order) if isinstance(self.came, LazyFields) else of(self.came),
            of(self.labels),
            of(self.befores),
            of(self.weights),
            some(self.records, order),
            of(self.causes),
            self.places[at],
            {name: column[at] for name, column in self.added.items()},
            self.letters,
            self.read and self.read.some(at)._replace(at=np.arange(len(at))),
            self.origin,
            {name: of(column) for name, column in self.looked_up.items()},
            self.asked,
        )

    def without(self, gone: Iterable[int]) -> Operations:
        """All but the operations at these places."""
        kept = np.ones(len(self), np.bool_)
        kept[list(gone)] = False
        return self.take(np.flatnonzero(kept))

    def column(self, name: str, at: Ints) -> Any:
        """A field of the events, or of the labels' events, at these places.

        Returns:
            A float64 array of what was added to events; else a list, with None where the field
            is absent.
        """
        added, are_events = self.added.get(name), self.kinds[at] == EVENT
        if are_events.all():
            floats = self._floats(name, at) if added is None else added[at]
            if floats is not None:
                return floats
        found = self._came_as(name, at)
        if added is not None:
            for j in np.flatnonzero(are_events).tolist():
                found[j] = float(added[at[j]])
        return found

    def _floats(self, name: str, at: Ints) -> Floats | None:
        """What the stage before added, where it came in a block."""
        return self.came.floats(name, at) if isinstance(self.came, FieldColumns) else None

    def _came_as(self, name: str, at: Ints) -> list[Any]:
        """A field as it came, at these places; it is looked up once in a batch."""
        column = self._looked_up(name)
        return list(column) if len(at) == len(column) else [column[i] for i in at.tolist()]

    def _looked_up(self, name: str) -> list[Any]:
        column = self.looked_up.get(name)
        if column is None:
            column = self.looked_up[name] = self._found(name)
            if self.asked is not None:
                self.asked.add(name)
        return column

    def _found(self, name: str) -> list[Any]:
        if isinstance(self.came, FieldColumns):
            return self.came.column(name)
        self.came = list(self.came)  # now each is decoded, once
        return [fields.get(name) for fields in self.came]

    def fields(self, i: int) -> dict[str, Any]:
        """All fields of one operation, those that were added too."""
        fields = dict(self.came[i])
        if self.kinds[i] == EVENT:
            for name, column in self.added.items():
                fields[name] = float(column[i])
        return fields

    def add(self, name: str, at: Ints, values: Floats | float) -> None:
        """Add a feature to the events at these places; what is there already is overwritten."""
        column = self.added.get(name)
        if column is None:
            column = self.added[name] = np.zeros(len(self))
        column[at] = values

    def settle(self, at: Sequence[int], fields: Sequence[Fields]) -> None:
        """Let the events at these places have these fields, and no columns beside them."""
        came = list(self.came)
        for i, each in zip(at, fields, strict=True):
            came[i] = each
        self.came, self.added, self.looked_up, self.asked = came, {}, {}, None

    def set_aside(
        self, errors: Mapping[int, Exception], stage: Stage
    ) -> tuple[Operations, list[Rejected]]:
        """What goes on. Of the rest, events are rejected; labels are only left out.

        Args:
            errors: By place, in the order of the places.
            stage: Where it failed.
        """
        if not errors:
            return self, []
        rejected = [self.reject(i, stage, e) for i, e in errors.items() if self.kinds[i] == EVENT]
        return self.without(errors), rejected

    def reject(self, i: int, stage: Stage, error: Exception) -> Rejected:
        """Set one operation aside."""
        return Rejected(self.letter(i), stage, error)

    def letter(self, i: int) -> Record:
        """The record that becomes the dead letter of an operation."""
        record, letters = self.records[i], self.letters
        if letters is None:
            return record
        if self.kinds[i] == EVENT:
            value, time = letters.event(self.fields(i)), int(self.event_times[i])
        else:
            value, time = letters.label(self.ids[i], self.labels[i]), int(self.times[i])
        return StoredRecord(Source.of(record), record.key(), value, time)
