"""Parts of batches, copies of states, and what lies within a learner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from learners.base import UNLABELLED, Estimator, Scored
from learners.engine.compiled import Compiled
from learners.engine.rows import Rows, RowsOrDicts


def learned_of(labels: Sequence[Any], scored: Scored) -> int:
    """How many rows were learned."""
    failed = sum(1 for i in scored.failures if labels[i] is not UNLABELLED)
    return len(labels) - labels.count(UNLABELLED) - failed


def cut(rows: RowsOrDicts, start: int, end: int) -> RowsOrDicts:
    """The rows from `start` to before `end`."""
    if start == 0 and end == len(rows):
        return rows
    if isinstance(rows, Rows):
        return Rows(rows.names, rows.matrix[start:end])
    return rows[start:end]


def copied(state: Any) -> Any:
    """A state that goes on living when its learner learns."""
    if isinstance(state, np.ndarray):
        return state.copy()
    if isinstance(state, dict):
        return {key: copied(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return [copied(value) for value in state]
    return state


def innermost(learner: Estimator) -> Estimator:
    """The learner behind scalers and steps."""
    inner = getattr(learner, "learner", None)
    return innermost(inner) if isinstance(inner, Compiled) else learner


def rates(learner: Estimator) -> dict[str, float]:
    """The learning rates of a learner by the names of its attributes."""
    inner = innermost(learner)
    names = inner.rates() if isinstance(inner, Compiled) else ()
    return {name: getattr(inner, name) for name in names}
