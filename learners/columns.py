"""Which column of a learner's arrays a feature has."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from learners.rows import Matrix, Rows

Index = NDArray[np.int64]


class Columns:
    """Feature name -> column, in the order of first sight in a row that was learned.

    A batch is turned so that its columns ascend. Sums over features then run in one order,
    whatever the order of the fields in an event: the batch way and the single way agree
    in every bit.
    """

    def __init__(self) -> None:
        self.replace(())

    def replace(self, names: Iterable[str]) -> None:
        """Forget all features and take these."""
        self.index: dict[str, int] = {name: i for i, name in enumerate(names)}
        self._known: tuple[str, ...] | None = None
        self._columns: Index = np.empty(0, np.int64)
        self._order: Index | None = None

    def __len__(self) -> int:
        return len(self.index)

    @property
    def names(self) -> list[str]:
        """The features in the order of their columns."""
        return list(self.index)

    def align(self, rows: Rows, targets: Matrix) -> tuple[Matrix, Index]:
        """The matrix with ascending columns, and for each its column here.

        New features get a column if they are present in a row that is to be learned
        (its target is not NaN); the others are left out.
        """
        if rows.names != self._known and not self._remember(rows.names):
            self._sight(rows, targets)
            if not self._remember(rows.names):
                return self._known_part(rows)
        if self._order is None:
            return rows.matrix, self._columns
        return np.take(rows.matrix, self._order, axis=1), self._columns

    def _remember(self, names: tuple[str, ...]) -> bool:
        found = [self.index.get(name, -1) for name in names]
        if -1 in found:
            return False
        columns = np.array(found, np.int64)
        order = np.argsort(columns, kind="stable")
        self._order = None if bool((order == np.arange(len(order))).all()) else order
        self._columns = columns[order]
        self._known = names
        return True

    def _sight(self, rows: Rows, targets: Matrix) -> None:
        unknown = [j for j, name in enumerate(rows.names) if name not in self.index]
        learned = rows.matrix[~np.isnan(targets)][:, unknown]
        present = ~np.isnan(learned)
        firsts = [(int(p.argmax()), j) for p, j in zip(present.T, unknown, strict=True) if p.any()]
        for _, j in sorted(firsts):
            self.index[rows.names[j]] = len(self.index)

    def _known_part(self, rows: Rows) -> tuple[Matrix, Index]:
        pairs = [(self.index[n], j) for j, n in enumerate(rows.names) if n in self.index]
        pairs.sort()
        columns = np.array([column for column, _ in pairs], np.int64)
        return np.take(rows.matrix, [j for _, j in pairs], axis=1), columns
