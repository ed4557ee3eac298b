"""The fields of a batch of events as columns, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zlib import crc32

import numpy as np

from agents.entities.declare import Declared
from agents.entities.kernels import Words
from agents.errors import InvalidEvent
from agents.events.fields import NUMBER, is_finite, short
from agents.events.limits import LIMITS, all_fit, fits
from agents.ops import Event, Label, Op
from learners.kernels import Ints

_NUMBERS = frozenset(NUMBER)
Fields = Mapping[str, Any]


class Needed:
    """The fields that tables need of an event, or of the event of a label.

    Args:
        tables: Their labels are no fields of an event.
        heard: Whether a label is there.
    """

    def __init__(self, tables: Iterable[Declared], heard: bool = False) -> None:
        entities, numbers, marks = dict[str, None](), dict[str, None](), dict[str, None]()
        for declared in tables:
            entities[declared.table.field] = None
            label = (
                declared.table.label if declared.table.source == "labels" and not heard else None
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

    def all_good(self, events: Sequence[Fields]) -> bool:
        """Whether `error` is None for all; False where that is not seen at once."""
        return (
            all(all_fit(column(events, name)) for name in self.entities)
            and all(_all_finite(column(events, name)) for name in self.numbers)
            and all(all_fit(column(events, name)) for name in self.marks)
        )


class Columns:
    """Operations as columns; each is made once, however many tables need it.

    Attributes:
        ops: In their order.
        rows: Where they stand among all of their batch.
        times: Of the events, or of the labels' events; in milliseconds.
        labels: Which are labels, by their places.
    """

    def __init__(self, ops: Sequence[Op], rows: Sequence[int] | None = None) -> None:
        self.ops = ops
        self.rows = range(len(ops)) if rows is None else rows
        self.labels = [i for i, op in enumerate(ops) if isinstance(op, Label)]
        times = [op.time if isinstance(op, Event) else op.event_time for op in ops]
        self.times: Ints = np.array(times, np.int64)
        self._named: dict[str, list[Any]] = {}

    def of(self, rows: Sequence[int]) -> Columns:
        """Some of the operations."""
        return self if len(rows) == len(self.ops) else Columns([self.ops[i] for i in rows], rows)

    def latest(self) -> Ints:
        """The time of the stream at each, as far as it says so: it may have been later before."""
        return np.maximum(self.times, np.array([op.time for op in self.ops], np.int64))

    def named(self, name: str) -> list[Any]:
        """A field of every event, or label's event."""
        if name not in self._named:
            self._named[name] = column([op.fields for op in self.ops], name)
        return self._named[name]


def column(events: Sequence[Fields], name: str) -> list[Any]:
    """A field of every event; None where it is absent."""
    return [fields.get(name) for fields in events]


def marks(values: Iterable[Any]) -> Words:
    """64 bits for each value, equal for equal ones, in any process: CRC-32, then SplitMix64."""
    x = np.array([crc32(str(value).encode()) for value in values], np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return x ^ (x >> np.uint64(31))


def _all_finite(values: Sequence[Any]) -> bool:
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
