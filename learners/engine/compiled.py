"""The base of our own learners: one set of kernels for a batch and for a single event."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from learners.base import UNLABELLED, Features, Scored, Task, Times
from learners.engine.column_arrays import ColumnArrays
from learners.engine.columns import Columns
from learners.engine.contributions import Named, as_it_is, contributions
from learners.engine.kernels import Floats, Ints
from learners.engine.rows import Rows
from learners.labels import check_label

UNEXPLAINED: Floats = np.empty((0, 0))
"""Where a kernel writes no contributions."""
ONCE: Ints = np.empty(0, np.int64)
"""The `times` of rows that are learned once."""
_NOTHING = np.array([math.nan])


class Compiled(ColumnArrays, ABC):
    """A learner whose state is arrays over columns.

    The batch way and River's verbs call the same kernels, the latter with one row, so their
    results agree in every bit. A feature that is absent (NaN) is skipped.
    """

    task: ClassVar[Task]
    batched: ClassVar[bool] = True
    explains: ClassVar[bool] = False

    # What an algorithm defines

    @abstractmethod
    def advance(
        self, predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, times: Ints
    ) -> Scored:
        """Row after row: predict from `predict_with`, learn from `learn_from`.

        Both have the shape (rows, features); a transformer before this one lets them differ.
        `columns` says which column each feature has, ascending. A row is learned as often as
        `times`, of shape (rows,), says, or once where that is ONCE; not at all where its target
        is NaN. `grow` was called before.
        """

    # What all share

    def share(self, columns: Columns) -> None:
        """Use the columns of whatever stands around this learner."""
        self.columns = columns

    def rates(self) -> tuple[str, ...]:
        """The attributes that are learning rates; they may be changed between two rows."""
        return ()

    def explain(self, contributions: Floats) -> None:
        """From now on, `advance` writes what made the margin of each row into a row of
        `contributions`, of shape (rows, features + 1), the intercept last; into UNEXPLAINED it
        writes none."""
        raise NotImplementedError

    def targets(self, labels: Sequence[Any]) -> Floats:
        """Checked labels as numbers; NaN for UNLABELLED."""
        try:
            return np.array(labels, np.float64)
        except TypeError:  # some are UNLABELLED
            return np.array([math.nan if y is UNLABELLED else y for y in labels], np.float64)

    def run(
        self,
        rows: Rows | Sequence[Features],
        labels: Sequence[Any],
        explain: bool = False,
        times: Times = None,
    ) -> Scored:
        """Predict and then learn each row; a row that is UNLABELLED is only predicted."""
        if not isinstance(rows, Rows):
            rows = Rows.from_dicts(rows)
        return self._run(rows, self.targets(labels), as_it_is if explain else None, times)

    def _run(
        self, rows: Rows, targets: Floats, named: Named | None = None, times: Times = None
    ) -> Scored:
        return self.run_both(rows.names, rows.matrix, rows.matrix, targets, named, times)

    def run_both(
        self,
        names: tuple[str, ...],
        predict_with: Floats,
        learn_from: Floats,
        targets: Floats,
        named: Named | None = None,
        times: Times = None,
    ) -> Scored:
        """As `run`, after steps that made two matrices over the same features.

        With `named`, what the contributions of a feature are called, they are returned too.
        """
        before, after, columns = self.columns.align_both(names, predict_with, learn_from, targets)
        self.grow(len(self.columns))
        counts = ONCE if times is None else np.array(times, np.int64)
        if named is None:
            return self.advance(before, after, columns, targets, counts)
        made = np.empty((len(targets), len(columns) + 1))
        self.explain(made)
        try:
            scored = self.advance(before, after, columns, targets, counts)
        finally:
            self.explain(UNEXPLAINED)
        scored.contributions = contributions(self.columns.names_of(columns), made, named)
        return scored

    def learn_one(self, x: Features, y: Any = None) -> None:
        """Learn one event. Raises LabelError."""
        self.run(Rows.from_dicts([x]), [check_label(self.task, y)])

    def predict_one(self, x: Features) -> Any:
        """The prediction for one event; the state stays as it is."""
        return self._run(Rows.from_dicts([x]), _NOTHING).predictions[0]

    def score(self, x: Features) -> float | None:
        """The number that ranks one event."""
        return self._run(Rows.from_dicts([x]), _NOTHING).scores[0]

    def warm_up(self, n_features: int) -> None:
        """Run all kernels once over nothing."""
        empty = np.empty((0, n_features))
        self.grow(n_features)
        self.advance(empty, empty, np.arange(n_features), np.empty(0), ONCE)
