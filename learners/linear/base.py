"""What the linear learners share: weights, an intercept, and how a margin is read."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from learners.base import Features, Scored, Task
from learners.engine.compiled import UNEXPLAINED, Compiled
from learners.engine.kernels import Floats, Ints
from learners.parameters import number

LinearBatch = tuple[Floats, Floats, Ints, Floats, Ints, Floats, Floats, Floats, Floats]
"""What `advance` is given; where the scores go, of shape (rows,), and where the contributions
go, see `Compiled.explain`; the weights and the intercept."""


class Linear(Compiled):
    """Weights over columns, of shape (columns,), and an intercept, of shape (1,)."""

    explains: ClassVar[bool] = True
    per_column: ClassVar[Mapping[str, float]] = {"weights": 0.0}
    others: ClassVar[Mapping[str, float]] = {"intercept": 0.0}

    weights: Floats
    intercept: Floats

    def __init__(self) -> None:
        super().__init__()
        self.contributions = UNEXPLAINED

    def explain(self, contributions: Floats) -> None:
        """See Compiled."""
        self.contributions = contributions

    def advance(
        self, predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, times: Ints
    ) -> Scored:
        """See Compiled."""
        out = np.empty(len(targets))
        self.work((
            predict_with, learn_from, columns, targets, times, out,
            self.contributions, self.weights, self.intercept,
        ))  # fmt: skip
        return self.answer(out)

    @abstractmethod
    def work(self, batch: LinearBatch) -> None:
        """Call the kernel with `batch` and whatever else it needs."""

    @abstractmethod
    def answer(self, scores: Floats) -> Scored:
        """The scores of the rows, of shape (rows,), with the predictions that follow."""


class LinearClassifier(Linear):
    """A linear learner of two classes; the score is P(True).

    `weight_true` and `weight_false` say how much a row of that class counts, above 0.
    """

    task: ClassVar[Task] = "binary"

    def __init__(self, weight_true: float, weight_false: float) -> None:
        super().__init__()
        self.weight_true = number("weight_true", weight_true, above=0.0)
        self.weight_false = number("weight_false", weight_false, above=0.0)

    def answer(self, scores: Floats) -> Scored:
        """P(True), and whether it is over a half."""
        return Scored((scores > 0.5).tolist(), scores.tolist())

    def predict_proba_one(self, x: Features) -> dict[bool, float]:
        """The probability of both classes."""
        p = self.score(x)
        assert p is not None
        return {False: 1.0 - p, True: p}


class LinearRegressor(Linear):
    """A linear learner of a number; the score is the prediction."""

    task: ClassVar[Task] = "regression"

    def answer(self, scores: Floats) -> Scored:
        """The predicted values, as predictions and as scores."""
        predictions = scores.tolist()
        return Scored(predictions, predictions)
