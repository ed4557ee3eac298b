"""What the linear learners share: weights, an intercept, and how a margin is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from learners.base import Features, Scored, Task
from learners.compiled import UNTOLD, Compiled, grown
from learners.kernels import Floats


class Linear(Compiled):
    """Weights over columns and an intercept.

    `per_column` names further arrays with an entry a column and the value that they start at;
    `scalars` names arrays of one number. All are saved in snapshots.
    """

    explains: ClassVar[bool] = True
    per_column: ClassVar[Mapping[str, float]] = {"weights": 0.0}
    scalars: ClassVar[Mapping[str, float]] = {"intercept": 0.0}

    weights: Floats
    intercept: Floats

    def __init__(self) -> None:
        super().__init__()
        self.told = UNTOLD
        for name in self.per_column:
            setattr(self, name, np.empty(0))
        for name, start in self.scalars.items():
            setattr(self, name, np.array([start]))

    def tell(self, told: Floats) -> None:
        """See Compiled."""
        self.told = told

    def grow(self, n: int) -> None:
        """Make room for `n` columns."""
        if n > len(self.weights):
            for name, fill in self.per_column.items():
                setattr(self, name, grown(getattr(self, name), n, fill))

    def state(self) -> dict[str, Any]:
        """The names of the features and all arrays."""
        n = len(self.columns)
        state: dict[str, Any] = {"features": self.columns.names}
        state |= {name: getattr(self, name)[:n] for name in self.per_column}
        state |= {name: getattr(self, name) for name in self.scalars}
        return state

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        self.columns.replace(state["features"])
        for name in (*self.per_column, *self.scalars):
            setattr(self, name, np.array(state[name], np.float64))


class LinearClassifier(Linear):
    """A linear learner of two classes; the score is P(True)."""

    task: ClassVar[Task] = "binary"

    def predict_proba_one(self, x: Features) -> dict[bool, float]:
        """The probability of both classes."""
        p = self.score(x)
        assert p is not None
        return {False: 1.0 - p, True: p}


class LinearRegressor(Linear):
    """A linear learner of a number; the score is the prediction."""

    task: ClassVar[Task] = "regression"


def classified(probabilities: Floats) -> Scored:
    """P(True) of each row, and whether it is over a half."""
    return Scored((probabilities > 0.5).tolist(), probabilities.tolist())


def regressed(values: Floats) -> Scored:
    """The predicted values, as predictions and as scores."""
    predictions = values.tolist()
    return Scored(predictions, predictions)
