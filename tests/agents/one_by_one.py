"""Operations one by one, as tests write them down and compare them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np

from agents.entities.entities import Entities
from agents.errors import FunctionFailed
from agents.events.functions import Functions
from agents.operations import EVENT, KINDS, Kind, Operations, ParsedEvent, Row
from topics.records import Record


class Event(msgspec.Struct):
    """An event."""

    id: Any
    time: int
    fields: dict[str, Any]
    label: Any
    record: Record


class Label(msgspec.Struct):
    """What became known of an event."""

    id: Any
    time: int
    event_time: int
    kind: Kind
    label: Any
    before: Any
    weight: int
    fields: dict[str, Any]
    record: Record


Op = Event | Label


def row(op: Op) -> Row:
    """An operation as a row."""
    if isinstance(op, Event):
        parsed = ParsedEvent(op.id, op.time, op.fields, op.record).row()
        return (*parsed[:5], op.label, *parsed[6:])
    kind = KINDS.index(op.kind) + 1
    return (
        kind, op.time, op.event_time, op.id, op.fields, op.label, op.before, op.weight, op.record,
    )  # fmt: skip


def of_row(row: Row) -> Op:
    """A row as an operation."""
    kind, time, event_time, id_, fields, label, before, weight, record = row
    if kind == EVENT:
        return Event(id_, time, dict(fields), label, record)
    word = KINDS[kind - 1]
    return Label(id_, time, event_time, word, label, before, weight, dict(fields), record)


def batch(ops: Sequence[Op], causes: Iterable[Record] | None = None) -> Operations:
    """Operations as columns; each is its own cause unless another is given."""
    by = [op.record for op in ops] if causes is None else list(causes)
    return Operations.of([row(op) for op in ops], by, range(len(ops)))


def one_by_one(operations: Operations) -> list[Op]:
    """Columns as operations, with all of their fields."""
    columns = operations.times.tolist(), operations.event_times.tolist()
    return [
        of_row((
            kind, time, event_time, operations.ids[i], operations.fields(i), operations.labels[i],
            operations.befores[i], operations.weights[i], operations.records[i],
        ))
        for i, (kind, time, event_time) in enumerate(
            zip(operations.kinds.tolist(), *columns, strict=True)
        )
    ]  # fmt: skip


def apply(entities: Entities, ops: Sequence[Op]) -> None:
    """Let the events have their features, among their fields."""
    operations = batch(ops)
    errors = entities.errors(operations)
    kept, _ = entities.apply(operations)
    good = [op for i, op in enumerate(ops) if i not in errors]
    for op, made in zip(good, one_by_one(kept), strict=True):
        op.fields = made.fields


def enrich(names: Sequence[str], fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of one event with what functions add. Raises FunctionFailed."""
    nothing: Any = None
    operations = batch([Event(None, 0, fields, None, nothing)])
    _, rejected = Functions(names).apply(operations, np.arange(1))
    for each in rejected:
        assert isinstance(each.error, FunctionFailed)
        raise each.error
    return operations.fields(0)
