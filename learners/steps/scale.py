"""Standard scaling, as a step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from learners.engine.kernels import Floats, Ints
from learners.scaler import Scaler
from learners.steps.base import ColumnStep, Stage


class Scale(ColumnStep):
    """Scales every feature to mean 0 and variance 1, both running.

    What `scale = true` puts right before the learner; as a step it may stand anywhere.

    Examples
    --------
    >>> from river import datasets
    >>> step = Scale()
    >>> for x, y in datasets.Bananas():
    ...     step.learn_one(x)
    >>> {name: round(value, 3) for name, value in step.transform_one(x).items()}
    {'1': -0.472, '2': -0.02}

    References
    ----------
    Welford: Note on a Method for Calculating Corrected Sums of Squares and Products.
    Technometrics 4 (1962).
    """

    def __init__(self) -> None:
        super().__init__()
        self.scaler = Scaler()
        self.columns = self.scaler.columns

    def work(
        self, predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats
    ) -> Stage:
        """See ColumnStep."""
        before, after = self.scaler.both(predict_with, learn_from, columns, targets)
        return Stage(self.columns.names_of(columns), before, after)

    def grow(self, n: int) -> None:
        """Make room for `n` columns."""
        self.scaler.grow(n)

    def state(self) -> dict[str, Any]:
        """The names of the features and the statistics."""
        return self.scaler.state()

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        self.scaler.load(state)
