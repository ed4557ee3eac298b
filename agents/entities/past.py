"""One table: a batch of operations as columns, through the kernel."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents import operations
from agents.entities.columns import Columns, marks
from agents.entities.declare import STREAM, Declared
from agents.entities.kernels import advance
from agents.entities.layout import Layout
from agents.entities.shapes import ADD, AFTER, CORRECT, TELL, Steps, Words
from agents.entities.store import Store
from agents.operations import Operations
from agents.state import State
from learners.engine.kernels import Floats, Ints


class Past:
    """The pasts of the entities of one table.

    Args:
        declared: The table.
        state: See `Store`.
    """

    def __init__(self, declared: Declared, state: State) -> None:
        self._declared, self._layout = declared, Layout.of(declared)
        self.store = Store(declared, self._layout, state)

    def warm_up(self) -> None:
        """Compile."""
        nothing = Operations.of([], [], [])
        self._features(Columns(nothing, nothing.events), nothing.times)

    @property
    def of_labels(self) -> bool:
        """Whether labels that come later bring it up to date, not events."""
        return self._declared.waits

    def apply(self, now: Ints, until: int, chosen: Columns) -> Floats:
        """The features of the events, a row each.

        Args:
            now: The time of the stream at each operation of the batch, in milliseconds.
            until: The time of the stream after the batch.
            chosen: The events that are told, and the later labels that bring it up to date.
        """
        clocks = np.maximum(self._buckets(now[chosen.rows]), self.store.clock)
        self.store.clock = max(self.store.clock, until // self._declared.windows.bucket)
        return self._features(chosen, clocks)

    def _features(self, chosen: Columns, clocks: Ints) -> Floats:
        steps = self._steps(chosen, clocks)
        features = np.zeros((len(chosen), len(self._declared.features)))
        advance(self.store.pasts, self._layout.shape, self._layout.plan, steps, features)
        return features[steps.kinds & TELL > 0]

    def _buckets(self, times: Ints) -> Ints:
        return times // self._declared.windows.bucket

    def _steps(self, chosen: Columns, clocks: Ints) -> Steps:
        windows = self._declared.windows
        kinds = self._kinds(chosen)
        buckets, ends = self._buckets(chosen.times), self._buckets(chosen.times - windows.delay)
        held = buckets > clocks - windows.ring
        field = self._declared.table.field
        entities = chosen.named(field) if field else [STREAM] * len(chosen)
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
        if self._declared.reads_labels:
            known = [y is not None for y in chosen.labels_of(self._declared.table)]
            return np.where(known, TELL | ADD | AFTER, TELL)
        kinds = np.full(len(chosen), TELL if self.of_labels else ADD | TELL, np.int64)
        corrects = chosen.kinds[chosen.labels] == operations.CORRECT
        kinds[chosen.labels] = np.where(corrects, CORRECT, ADD)
        return kinds

    def _values(self, chosen: Columns) -> tuple[Floats, Floats]:
        """The numbers that are added, and those that they take the place of."""
        names = self._declared.numbers
        values = np.zeros((len(chosen), len(names)))
        if not self.of_labels:
            for j, name in enumerate(names):
                values[:, j] = self._numbers(chosen, name)
            return values, values
        befores, labels = np.zeros_like(values), chosen.labels
        for j, name in enumerate(names):
            if name == self._declared.table.label:
                values[labels, j], befores[labels, j] = chosen.label(), chosen.label(before=True)
            else:
                said = chosen.named(name)
                values[labels, j] = befores[labels, j] = [said[i] for i in labels.tolist()]
        return values, befores

    def _numbers(self, chosen: Columns, name: str) -> list[Any]:
        """A field of the events; 0 for a label that is not there: such an event is not added."""
        table = self._declared.table
        if not self._declared.reads_labels or name != table.label:
            return chosen.named(name)
        return [0.0 if y is None else y for y in chosen.labels_of(table)]

    def _bits(self, chosen: Columns) -> Words:
        """64 bits for each value whose different ones are counted; 0 where there is none."""
        names = self._declared.marks
        bits: Words = np.zeros((len(chosen), len(names)), np.uint64)
        adding = chosen.labels if self.of_labels else np.arange(len(chosen))
        for j, name in enumerate(names):
            said = chosen.named(name)
            bits[adding, j] = marks(said[i] for i in adding.tolist())
        return bits
