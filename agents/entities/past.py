"""One table: a batch of operations as columns, through the kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from agents.entities.columns import column, marks
from agents.entities.declare import Declared
from agents.entities.kernels import ADD, CORRECT, TELL, Steps, Words, advance
from agents.entities.layout import Layout
from agents.entities.store import Store
from agents.ops import Event, Label, Op
from agents.state import State
from learners.kernels import Floats, Ints


class Past:
    """The pasts of the entities of one table.

    Args:
        declared: The table.
        state: See `Store`.
    """

    def __init__(self, declared: Declared, state: State) -> None:
        self._declared, self._layout = declared, Layout.of(declared)
        self.store = Store(declared, self._layout, state)
        self.apply([], [], [])  # compiles

    def apply(self, ops: Sequence[Op], events: Sequence[int], labels: Sequence[int]) -> Floats:
        """The features of the events, a row each; `events` and `labels` are indices of `ops`.

        All of `ops` move the clock of the stream.
        """
        of_labels = self._declared.table.source == "labels"
        chosen = sorted([*events, *labels]) if of_labels and labels else list(events)
        steps = self._steps([ops[i] for i in chosen], self._clocks(ops)[chosen])
        features = np.zeros((len(chosen), len(self._declared.features)))
        advance(self.store.pasts, self._layout.shape, self._layout.plan, steps, features)
        return features[steps.kinds & TELL > 0]

    def _clocks(self, ops: Sequence[Op]) -> Ints:
        """The newest bucket of the stream at each operation."""
        times = [op.time if isinstance(op, Event) else max(op.time, op.event_time) for op in ops]
        buckets = np.array([self.store.clock, *self._buckets(times)], np.int64)
        clocks: Ints = np.maximum.accumulate(buckets)[1:]
        if len(clocks):
            self.store.clock = int(clocks[-1])
        return clocks

    def _buckets(self, times: Sequence[int]) -> Ints:
        return np.array(times, np.int64) // self._declared.windows.bucket

    def _steps(self, ops: Sequence[Op], clocks: Ints) -> Steps:
        windows = self._declared.windows
        times = [op.time if isinstance(op, Event) else op.event_time for op in ops]
        kinds = np.array([self._kind(op) for op in ops], np.int64)
        buckets, ends = self._buckets(times), self._buckets([t - windows.delay for t in times])
        held = buckets > clocks - windows.ring
        slots = self.store.slots(
            self._column(ops, self._declared.table.field), held & (kinds & ADD > 0)
        )
        self.store.touched(slots[held & (kinds != TELL) & (slots >= 0)])
        values, befores = self._values(ops)
        bits = self._bits(ops)
        return Steps(
            slots,
            kinds,
            np.array(times, np.int64),
            buckets,
            ends,
            clocks,
            values,
            befores,
            (bits >> np.uint64(62)).astype(np.int64),
            np.uint64(1) << (bits & np.uint64(63)),
        )

    def _kind(self, op: Op) -> int:
        if isinstance(op, Label):
            return CORRECT if op.kind == "correct" else ADD
        return TELL if self._declared.table.source == "labels" else ADD | TELL

    def _values(self, ops: Sequence[Op]) -> tuple[Floats, Floats]:
        """The numbers that are added, and those that they take the place of."""
        names = self._declared.numbers
        values = np.zeros((len(ops), len(names)))
        if self._declared.table.source == "events":
            for j, name in enumerate(names):
                values[:, j] = self._column(ops, name)
            return values, values
        befores = np.zeros_like(values)
        rows, labels = _labels(ops)
        for j, name in enumerate(names):
            values[rows, j], befores[rows, j] = self._new_and_old(labels, name)
        return values, befores

    def _new_and_old(self, labels: Sequence[Label], name: str) -> tuple[list[Any], list[Any]]:
        if name != self._declared.table.label:
            new = self._column(labels, name)
            return new, new
        old = [op.before if op.kind == "correct" else op.label for op in labels]
        return [op.label for op in labels], old

    def _bits(self, ops: Sequence[Op]) -> Words:
        """64 bits for each value whose different ones are counted; 0 where there is none."""
        names = self._declared.marks
        bits: Words = np.zeros((len(ops), len(names)), np.uint64)
        rows, adding = np.arange(len(ops)).tolist(), ops
        if self._declared.table.source == "labels":
            rows, adding = _labels(ops)
        for j, name in enumerate(names):
            bits[rows, j] = marks(self._column(adding, name))
        return bits

    def _column(self, ops: Sequence[Op], name: str) -> list[Any]:
        return column([op.fields for op in ops], name)


def _labels(ops: Sequence[Op]) -> tuple[list[int], list[Label]]:
    rows = [i for i, op in enumerate(ops) if isinstance(op, Label)]
    return rows, [op for op in ops if isinstance(op, Label)]
