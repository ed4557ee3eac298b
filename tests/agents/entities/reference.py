"""The slow and obvious way: everything is kept, everything is computed anew for each event."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agents.entities.declare import EntityTable, declared
from agents.entities.entities import Entities
from agents.operations import Kind
from agents.state import State
from tests.agents.one_by_one import Event, Label, Op, apply

RECORD: Any = None
MINUTE, DAY = 60_000, 86_400_000


def event(time: int, id_: Any = None, **fields: Any) -> Event:
    """An event at `time` milliseconds."""
    return Event(id_, time, fields, None, RECORD)


def label(
    time: int, event_time: int, value: Any, kind: Kind = "learn", before: Any = None, **fields: Any
) -> Label:
    """A label that becomes known at `time`."""
    return Label(None, time, event_time, kind, value, before, 3, {**fields, "fraud": value}, RECORD)


@dataclass
class Known:
    """Something of the past of an entity."""

    entity: Any
    time: int
    values: dict[str, Any]


class Reference:
    """One table."""

    def __init__(self, table: EntityTable) -> None:
        self.table, self.declared = table, declared(table)
        self.windows = self.declared.windows
        self.known: list[Known] = []
        self.earlier: dict[tuple[Any, str], list[Known]] = {}
        self.fields = list(self.declared.depths)
        self.clock = -math.inf

    def step(self, op: Op) -> dict[str, float]:
        """What is to be added to the fields of an event."""
        self.clock = max(self.clock, op.time)
        if isinstance(op, Label):
            self.clock = max(self.clock, op.event_time)
        oldest = self.clock // self.windows.bucket - self.windows.ring + 1
        self.known = [k for k in self.known if k.time // self.windows.bucket >= oldest]
        for whose, kept in list(self.earlier.items()):
            if kept[-1].time // self.windows.bucket < oldest:
                del self.earlier[whose]
        if isinstance(op, Label):
            if self.declared.waits and op.kind != "drop":
                self._hear(op, oldest)
            return {}
        entity = self._entity(op)
        mine = [k for k in self.known if k.entity == entity]
        before = dict(self._earlier(op, entity))
        held = op.time // self.windows.bucket >= oldest
        if self.table.source == "events" and held:
            self._know(Known(entity, op.time, dict(op.fields)))
        features = before | dict(self._features(op, entity, mine))
        if self.declared.reads_labels and held and op.fields.get(self.table.label) is not None:
            self._know(Known(entity, op.time, dict(op.fields)))
        return features

    def _entity(self, op: Op) -> Any:
        return op.fields[self.table.field] if self.table.field else "all"

    def _know(self, known: Known) -> None:
        self.known.append(known)
        for x, depth in self.declared.depths.items():
            kept = self.earlier.setdefault((known.entity, x), [])
            kept.append(replace(known))
            kept.sort(key=lambda k: k.time)
            del kept[: max(0, len(kept) - depth)]

    def _earlier(self, op: Event, entity: Any) -> Iterator[tuple[str, float]]:
        for f in self.declared.features:
            if f.n:
                kept = self.earlier.get((entity, f.x), [])
                values = [k.values[f.x] for k in kept if k.time <= op.time]
                yield f.name, float(values[-f.n]) if len(values) >= f.n else 0.0

    def _hear(self, op: Label, oldest: float) -> None:
        entity = self._entity(op)
        if op.event_time // self.windows.bucket < oldest:
            return
        if op.kind == "correct":
            for known in (self.known, *(self.earlier.get((entity, x), []) for x in self.fields)):
                for k in known:
                    if (k.entity, k.time, k.values["fraud"]) == (entity, op.event_time, op.before):
                        k.values = dict(op.fields)
                        break
            return
        self._know(Known(entity, op.event_time, dict(op.fields)))

    def _features(self, op: Event, entity: Any, mine: list[Known]) -> Iterator[tuple[str, float]]:
        bucket = self.windows.bucket
        end = (op.time - self.windows.delay) // bucket
        now = [k for k in self.known if k.entity == entity]
        for feature in self.declared.features:
            if feature.n:
                continue
            if feature.function == "since_last":
                longest = op.time // bucket - max(self.windows.spans)
                last = max((k.time for k in mine if k.time // bucket >= longest), default=None)
                yield feature.name, -1.0 if last is None else max(0.0, (op.time - last) / 1000)
                continue
            first = end - self.windows.spans[feature.window]
            inside = [k for k in now if first <= k.time // bucket <= end]
            values = [k.values[feature.x] for k in inside] if feature.x else []
            if feature.function == "trend":
                times = [k.time / bucket - end for k in inside]
                yield feature.name, _slope(times, values) * self.windows.spans[feature.window]
                continue
            x = op.fields.get(feature.x)
            yield feature.name, _value(feature.function, len(inside), values, x)


def _slope(times: list[float], values: list[Any]) -> float:
    """Of the line of least squares."""
    if len(set(times)) < 2:
        return 0.0
    mean, level = math.fsum(times) / len(times), math.fsum(values) / len(values)
    both = math.fsum((t - mean) * (v - level) for t, v in zip(times, values, strict=True))
    return both / math.fsum((t - mean) ** 2 for t in times)


def _value(function: str, n: int, values: list[Any], x: Any) -> float:
    if function == "count":
        return float(n)
    if function == "distinct":
        return float(len(set(values)))
    mean = math.fsum(values) / n if n else 0.0
    if function == "sum":
        return math.fsum(values)
    if function == "mean":
        return mean
    if function == "std":
        return math.sqrt(math.fsum((v - mean) ** 2 for v in values) / n) if n else 0.0
    return x / mean if mean else 1.0


def expected(tables: Sequence[EntityTable], ops: Sequence[Op]) -> list[dict[str, float]]:
    """What each operation is to get."""
    references = [Reference(table) for table in tables]
    return [{name: value for r in references for name, value in r.step(op).items()} for op in ops]


def run(
    tables: Sequence[EntityTable], ops: Sequence[Op], cut: int = 10**9, restores: bool = False
) -> tuple[list[dict[str, float]], dict[str, bytes]]:
    """What each operation got, and the state at the end; `ops` stay as they are.

    Args:
        cut: Operations of a batch.
        restores: Whether the state is restored after each batch.
    """
    state = State()
    entities, got = Entities(tables, state), []
    for first in range(0, len(ops), cut):
        batch = [copied(op) for op in ops[first : first + cut]]
        apply(entities, batch)
        entities.save()
        got += [
            {name: op.fields[name] for name in entities.names} if isinstance(op, Event) else {}
            for op in batch
        ]
        if restores:
            state = State({key: state.get(key) or b"" for key in state})
            entities = Entities(tables, state)
    return got, {key: state.get(key) or b"" for key in state}


def copied(op: Op) -> Op:
    """With fields of its own."""
    if isinstance(op, Event):
        return event(op.time, op.id, **op.fields)
    return Label(
        op.id, op.time, op.event_time, op.kind, op.label, op.before, op.weight,
        dict(op.fields), RECORD,
    )  # fmt: skip


def stream(
    n: int, seed: int = 1, span: int = 40 * DAY, late: int = 0, labels: bool = True
) -> list[Op]:
    """Events of a few cards and terminals and their labels, in the order of time but for `late`.

    Cards are numbers and texts; some are seen only at the start, so that they expire.
    """
    draw, ops = random.Random(seed), list[tuple[int, Op]]()
    for i in range(n):
        time = i * span // n
        among = 12 if time < span // 8 else 8
        card = draw.choice([7, "7", "x" * 30, *range(100, 100 + among - 3)])
        fields = {
            "card": card,
            "terminal": draw.randrange(5),
            "amount": round(draw.lognormvariate(3, 1), 2),
        }
        shown = time - draw.randrange(late) if late and draw.random() < 0.3 else time
        ops.append((time, event(shown, i, **fields)))
        if labels:
            ops += _labels(draw, shown, fields)
    return [op for _, op in sorted(ops, key=lambda at: at[0])]


def _labels(draw: random.Random, time: int, fields: dict[str, Any]) -> Iterator[tuple[int, Op]]:
    heard, fraud = time + draw.randrange(9 * DAY), draw.random() < 0.3
    yield heard, label(heard, time, fraud, **fields)
    if draw.random() < 0.3:
        later = heard + draw.randrange(5 * DAY)
        yield later, label(later, time, not fraud, "correct", fraud, **fields)
    yield heard + 20 * DAY, label(heard + 20 * DAY, time, None, "drop", **fields)
