"""The features and labels of some events of a batch."""

from __future__ import annotations

from typing import Any, NamedTuple

from learners.engine.kernels import Ints
from learners.engine.rows import Rows


class Read(NamedTuple):
    """The events whose features can be used.

    Attributes:
        at: Where they stand in the batch.
        rows: Their features: a matrix for a learner with a batch way, else a list of dicts.
        labels: Their labels, or ``UNLABELLED``.
    """

    at: Ints
    rows: Rows | list[dict[str, Any]]
    labels: list[Any]

    def some(self, which: Ints) -> Read:
        """The events at these places of the columns, in this order."""
        order, rows = which.tolist(), self.rows
        chosen = rows.take(which) if isinstance(rows, Rows) else [rows[i] for i in order]
        return Read(self.at[which], chosen, [self.labels[i] for i in order])
