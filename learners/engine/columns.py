"""Which column of a learner's arrays a feature has."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from learners.engine.rows import Matrix

Index = NDArray[np.int64]


class Columns:
    """Feature name -> column, in the order of first sight in a row that was learned.

    Those that one row brings are ordered by name.

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
        self._named: tuple[Index, tuple[str, ...]] = (self._columns, ())

    def __len__(self) -> int:
        return len(self.index)

    @property
    def names(self) -> list[str]:
        """The features in the order of their columns."""
        return list(self.index)

    def align(
        self, names: tuple[str, ...], matrix: Matrix, targets: Matrix
    ) -> tuple[Matrix, Index]:
        """The matrix, of shape (rows, names), with ascending columns, and for each its column here.

        New features get a column if they are present in a row that is to be learned
        (its target is not NaN); the others are left out.
        """
        if names != self._known and not self._remember(names):
            self._sight(names, matrix, targets)
            if not self._remember(names):
                return self._known_part(names, matrix)
        if self._order is None:
            return matrix, self._columns
        return np.take(matrix, self._order, axis=1), self._columns

    def align_both(
        self, names: tuple[str, ...], predict_with: Matrix, learn_from: Matrix, targets: Matrix
    ) -> tuple[Matrix, Matrix, Index]:
        """As `align`, for two matrices over the same names; `learn_from` brings the columns."""
        learned, columns = self.align(names, learn_from, targets)
        if predict_with is learn_from:
            return learned, learned, columns
        nothing = np.full(len(targets), np.nan)
        return self.align(names, predict_with, nothing)[0], learned, columns

    def names_of(self, columns: Index) -> tuple[str, ...]:
        """The features of these columns; one that is still free has none."""
        if self._named[0] is not columns:
            names = self.names
            self._named = (columns, tuple(names[c] for c in columns.tolist() if c < len(names)))
        return self._named[1]

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

    def _sight(self, names: tuple[str, ...], matrix: Matrix, targets: Matrix) -> None:
        unknown = [j for j, name in enumerate(names) if name not in self.index]
        learned = matrix[~np.isnan(targets)][:, unknown]
        present = ~np.isnan(learned)
        new = [names[j] for j in unknown]
        firsts = [(int(p.argmax()), n) for p, n in zip(present.T, new, strict=True) if p.any()]
        for _, name in sorted(firsts):
            self.index[name] = len(self.index)

    def _known_part(self, names: tuple[str, ...], matrix: Matrix) -> tuple[Matrix, Index]:
        pairs = [(self.index[n], j) for j, n in enumerate(names) if n in self.index]
        pairs.sort()
        columns = np.array([column for column, _ in pairs], np.int64)
        return np.take(matrix, [j for _, j in pairs], axis=1), columns
