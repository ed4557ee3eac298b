"""The fields of a batch of events as columns, checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from zlib import crc32

import numpy as np

from agents.entities.declare import Declared, EntityTable
from agents.entities.shapes import Words
from agents.errors import InvalidEvent
from agents.events.fields import NUMBER, is_finite, short
from agents.events.limits import LIMITS, all_fit, fits, label_value
from agents.operations import CORRECT, DROP, EVENT, Operations
from learners.engine.kernels import Ints

_NUMBERS = frozenset(NUMBER)
Fields = Mapping[str, Any]


class Needed:
    """The fields that tables need of an event, or of the event of a label.

    Args:
        tables: Their labels are no fields of an event.
        with_labels: Whether a label is there.
    """

    def __init__(self, tables: Iterable[Declared], with_labels: bool = False) -> None:
        entities, numbers, marks = dict[str, None](), dict[str, None](), dict[str, None]()
        for declared in tables:
            if declared.table.field:
                entities[declared.table.field] = None
            label = (
                declared.table.label
                if declared.table.source == "labels" and not with_labels
                else None
            )
            numbers.update((x, None) for x in declared.numbers if x != label)
            marks.update((x, None) for x in declared.marks)
        self.entities, self.numbers, self.marks = tuple(entities), tuple(numbers), tuple(marks)

    def error(self, fields: Fields) -> InvalidEvent | None:
        """Why an event cannot be used; None where it can.

        >>> from agents.entities.declare import EntityTable, declared
        >>> needed = Needed([declared(EntityTable(0, "card", features=("sum(amount)",)))])
        >>> print(needed.error({"card": 7, "amount": None}))
        amount: expected a finite number, got nothing
        """
        for name in self.entities:
            if not fits(fields.get(name)):
                expected = f"{name}: expected a text or an integer"
                return InvalidEvent(f"{expected}, got {short(fields.get(name))}{LIMITS}")
        for name in self.numbers:
            if not _finite(fields.get(name)):
                return InvalidEvent(
                    f"{name}: expected a finite number, got {short(fields.get(name))}"
                )
        for name in self.marks:
            if not _countable(fields.get(name)):
                return InvalidEvent(
                    f"{name}: expected a text or a number, got {short(fields.get(name))}{LIMITS}"
                )
        return None

    def all_good(self, of: Callable[[str], Any]) -> bool:
        """Whether `error` is None for all events, whose columns `of` returns by name.

        False where that is not seen at once.
        """
        return (
            all(_all_fit(of(name)) for name in self.entities)
            and all(_all_finite(of(name)) for name in self.numbers)
            and all(_all_fit(of(name)) for name in self.marks)
        )


class Columns:
    """Some operations as columns; each is made once, however many tables need it.

    Attributes:
        rows: Where they stand among all of their batch, ascending.
        kinds: Of each.
        times: Of the events, or of the labels' events; in milliseconds.
        labels: Which of them are labels, by their places here.
    """

    def __init__(self, operations: Operations, rows: Ints) -> None:
        self._operations = operations
        self.rows = rows
        self.kinds = operations.kinds[rows]
        self.times = operations.event_times[rows]
        self.labels = np.flatnonzero(self.kinds != EVENT)
        self._named: dict[str, list[Any]] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def named(self, name: str) -> list[Any]:
        """A field of every event, or label's event."""
        if name not in self._named:
            column = self._operations.column(name, self.rows)
            self._named[name] = column if isinstance(column, list) else column.tolist()
        return self._named[name]

    def labels_of(self, table: EntityTable) -> list[Any]:
        """The labels that came in the events, as what they stand for; None where there is none."""
        labels, values = self.named(table.label), table.label_values
        return [label_value(values, y) for y in labels] if values else labels

    def label(self, *, before: bool = False) -> list[Any]:
        """The label of each label; or what it takes the place of: itself if it is the first."""
        operations, at = self._operations, self.rows[self.labels]
        new = [operations.labels[i] for i in at.tolist()]
        if not before:
            return new
        corrects = (operations.kinds[at] == CORRECT).tolist()
        old = [operations.befores[i] for i in at.tolist()]
        return [y if it_does else x for x, y, it_does in zip(new, old, corrects, strict=True)]


def label_errors(name: str, labels: Sequence[Any]) -> dict[int, InvalidEvent]:
    """Why labels that came in events cannot be summed up, by place; None is no label."""
    return {
        i: InvalidEvent(f"{name}: expected a finite number, got {short(y)}{_of_class(y)}")
        for i, y in enumerate(labels)
        if y is not None and not _finite(y)
    }


def _of_class(label: Any) -> str:
    return " (label_values can say which number it stands for)" if isinstance(label, str) else ""


def latest(operations: Operations) -> Ints:
    """The time of the stream at each, as far as it says so: it may have been later before."""
    return np.maximum(operations.times, operations.event_times)


def known_labels(operations: Operations) -> Ints:
    """Where the labels stand that say something."""
    return np.flatnonzero((operations.kinds != EVENT) & (operations.kinds != DROP))


def marks(values: Iterable[Any]) -> Words:
    """64 bits for each value, equal for equal ones, in any process: CRC-32, then SplitMix64."""
    x = np.array([crc32(str(value).encode()) for value in values], np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return x ^ (x >> np.uint64(31))


def _all_fit(column: Any) -> bool:
    """As `all_fit`; also for no values."""
    return not len(column) or (isinstance(column, list) and all_fit(column))


def _all_finite(values: Any) -> bool:
    if isinstance(values, np.ndarray):
        return bool(np.isfinite(values).all())
    if not set(map(type, values)) <= _NUMBERS:
        return False
    try:
        return bool(np.isfinite(np.array(values, np.float64)).all())
    except OverflowError:
        return False


def _finite(value: Any) -> bool:
    return type(value) in NUMBER and is_finite(value)


def _countable(value: Any) -> bool:
    return fits(value) or type(value) in (float, bool)
