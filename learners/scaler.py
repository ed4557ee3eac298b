"""Standard scaling, before a learner."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from learners.base import Features, Scored, Task
from learners.engine.column_arrays import ColumnArrays
from learners.engine.compiled import Compiled
from learners.engine.kernels import Floats, Ints, clip, helper, kernel
from learners.engine.rows import Rows


class Scaler(ColumnArrays):
    """Scales every feature to mean 0 and variance 1, both running (Welford).

    A feature that has not varied yet becomes 0, as with River's StandardScaler.

    >>> scaler = Scaler()
    >>> for x in ({"a": 8.0}, {"a": 10.0}, {"a": 12.0}):
    ...     scaler.learn_one(x)
    >>> scaler.transform_one({"a": 12.0, "b": 3.0})
    {'a': 1.224744871391589, 'b': 0.0}
    """

    per_column: ClassVar[Mapping[str, float]] = {"counts": 0.0, "means": 0.0, "variances": 0.0}

    counts: Floats
    means: Floats
    variances: Floats

    def both(
        self, predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats
    ) -> tuple[Floats, Floats]:
        """Each row scaled by the statistics before it, and by those after it.

        River's pipeline predicts with the first and learns from the second. A row whose
        target is NaN changes no statistics; its second half is NaN.
        """
        before, after = np.empty_like(predict_with), np.empty_like(learn_from)
        _scale(
            predict_with, learn_from, columns, targets,
            self.counts, self.means, self.variances, before, after,
        )  # fmt: skip
        return before, after

    def learn_one(self, x: Features) -> None:
        """Update the statistics."""
        self._one(x, 0.0)

    def transform_one(self, x: Features) -> dict[str, float]:
        """Scale one event; a feature never seen becomes 0."""
        rows, columns, before = self._one(x, math.nan)
        seen = dict(zip(columns.tolist(), before[0].tolist(), strict=True))
        return {name: seen.get(self.columns.index.get(name, -1), 0.0) for name in rows.names}

    def _one(self, x: Features, target: float) -> tuple[Rows, Ints, Floats]:
        rows, targets = Rows.from_dicts([x]), np.array([target])
        matrix, columns = self.columns.align(rows.names, rows.matrix, targets)
        self.grow(len(self.columns))
        return rows, columns, self.both(matrix, matrix, columns, targets)[0]


class Scaled(Compiled):
    """A scaler and a learner over the same columns."""

    def __init__(self, learner: Compiled) -> None:
        self.scaler = Scaler()
        self.learner = learner
        self.columns = self.scaler.columns
        learner.share(self.columns)

    @property
    def task(self) -> Task:  # type: ignore[override]
        """The learner's."""
        return self.learner.task

    @property
    def explains(self) -> bool:  # type: ignore[override]
        """Whether the learner does."""
        return self.learner.explains

    def explain(self, contributions: Floats) -> None:
        """See Compiled."""
        self.learner.explain(contributions)

    def targets(self, labels: Sequence[Any]) -> Floats:
        """As the learner numbers them."""
        return self.learner.targets(labels)

    def advance(
        self, predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, times: Ints
    ) -> Scored:
        """See Compiled."""
        before, after = self.scaler.both(predict_with, learn_from, columns, targets)
        return self.learner.advance(before, after, columns, targets, times)

    def warm_up(self, n_features: int) -> None:
        """Run all kernels once over nothing."""
        super().warm_up(n_features)
        self.learner.warm_up(n_features)

    def grow(self, n: int) -> None:
        """Make room for `n` columns."""
        self.scaler.grow(n)
        self.learner.grow(n)

    def state(self) -> dict[str, Any]:
        """The states of both."""
        return {"scaler": self.scaler.state(), "learner": self.learner.state()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        self.scaler.load(state["scaler"])
        self.learner.load(state["learner"])


@kernel
def _scale(
    predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats,
    counts: Floats, means: Floats, variances: Floats, before: Floats, after: Floats,
) -> None:  # fmt: skip
    for i in range(learn_from.shape[0]):
        learned = targets[i] == targets[i]
        for j in range(learn_from.shape[1]):
            c = columns[j]
            value = clip(predict_with[i, j])
            before[i, j] = value
            if value == value:
                before[i, j] = _scaled(value, means[c], variances[c])
            after[i, j] = math.nan
            if learned:
                value = clip(learn_from[i, j])
                if value == value:
                    counts[c] += 1.0
                    old = means[c]
                    means[c] += (value - old) / counts[c]
                    spread = (value - old) * (value - means[c])
                    variances[c] += (spread - variances[c]) / counts[c]
                    after[i, j] = _scaled(value, means[c], variances[c])


@helper
def _scaled(value: float, mean: float, variance: float) -> float:
    if variance > 0.0:
        return clip((value - mean) / math.sqrt(variance))
    return 0.0
