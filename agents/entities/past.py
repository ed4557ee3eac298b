"""One table: a batch of operations as columns, through the kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from agents.entities.columns import Columns, column, marks
from agents.entities.declare import Declared
from agents.entities.kernels import ADD, CORRECT, TELL, Steps, Words, advance
from agents.entities.layout import Layout
from agents.entities.store import Store
from agents.ops import Label, Op
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
        self.apply(Columns([]), Columns([]))  # compiles

    @property
    def of_labels(self) -> bool:
        """Whether labels bring it up to date, not events."""
        return self._declared.table.source == "labels"

    def apply(self, batch: Columns, chosen: Columns) -> Floats:
        """The features of the events, a row each.

        Args:
            batch: All operations; they move the clock of the stream.
            chosen: The events that are told, and, of labels, the labels that are heard.
        """
        steps = self._steps(chosen, self._clocks(batch)[chosen.rows])
        features = np.zeros((len(chosen.ops), len(self._declared.features)))
        advance(self.store.pasts, self._layout.shape, self._layout.plan, steps, features)
        return features[steps.kinds & TELL > 0]

    def _clocks(self, batch: Columns) -> Ints:
        """The newest bucket of the stream at each operation."""
        clocks: Ints = np.maximum.accumulate(self._buckets(batch.latest()))
        clocks = np.maximum(clocks, self.store.clock)
        if len(clocks):
            self.store.clock = int(clocks[-1])
        return clocks

    def _buckets(self, times: Ints) -> Ints:
        return times // self._declared.windows.bucket

    def _steps(self, chosen: Columns, clocks: Ints) -> Steps:
        windows = self._declared.windows
        kinds = self._kinds(chosen)
        buckets, ends = self._buckets(chosen.times), self._buckets(chosen.times - windows.delay)
        held = buckets > clocks - windows.ring
        entities = chosen.named(self._declared.table.field)
        slots = self.store.slots(entities, held & (kinds & ADD > 0))
        self.store.touched(slots[held & (kinds != TELL) & (slots >= 0)])
        values, befores = self._values(chosen)
        bits = self._bits(chosen)
        return Steps(
            slots,
            kinds,
            chosen.times,
            buckets,
            ends,
            clocks,
            values,
            befores,
            (bits >> np.uint64(62)).astype(np.int64),
            np.uint64(1) << (bits & np.uint64(63)),
        )

    def _kinds(self, chosen: Columns) -> Ints:
        kinds = np.full(len(chosen.ops), TELL if self.of_labels else ADD | TELL, np.int64)
        said = [chosen.ops[i] for i in chosen.labels]
        kinds[chosen.labels] = [CORRECT if _corrects(op) else ADD for op in said]
        return kinds

    def _values(self, chosen: Columns) -> tuple[Floats, Floats]:
        """The numbers that are added, and those that they take the place of."""
        names = self._declared.numbers
        values = np.zeros((len(chosen.ops), len(names)))
        if not self.of_labels:
            for j, name in enumerate(names):
                values[:, j] = chosen.named(name)
            return values, values
        befores, labels = np.zeros_like(values), _labels(chosen)
        for j, name in enumerate(names):
            new, old = self._new_and_old(labels, name)
            values[chosen.labels, j], befores[chosen.labels, j] = new, old
        return values, befores

    def _new_and_old(self, labels: Sequence[Label], name: str) -> tuple[list[Any], list[Any]]:
        if name != self._declared.table.label:
            new = column([op.fields for op in labels], name)
            return new, new
        old = [op.before if op.kind == "correct" else op.label for op in labels]
        return [op.label for op in labels], old

    def _bits(self, chosen: Columns) -> Words:
        """64 bits for each value whose different ones are counted; 0 where there is none."""
        names = self._declared.marks
        bits: Words = np.zeros((len(chosen.ops), len(names)), np.uint64)
        adding = chosen.labels if self.of_labels else range(len(chosen.ops))
        for j, name in enumerate(names):
            said = chosen.named(name)
            bits[adding, j] = marks(said[i] for i in adding)
        return bits


def _labels(chosen: Columns) -> list[Label]:
    return [op for op in chosen.ops if isinstance(op, Label)]


def _corrects(op: Op) -> bool:
    return isinstance(op, Label) and op.kind == "correct"
