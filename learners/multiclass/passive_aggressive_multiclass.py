"""Passive-aggressive learning of several classes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from learners.base import Scored, Task
from learners.engine.compiled import Compiled
from learners.engine.kernels import (
    Floats,
    Ints,
    add_scaled,
    clip,
    dot,
    helper,
    kernel,
    often,
    squared_norm,
)
from learners.linear.passive_aggressive import step_size
from learners.multiclass.base import Classes
from learners.parameters import number, one_of, switch


class PassiveAggressiveMulticlass(Compiled):
    """Passive-aggressive classifier of several classes (PA, PA-I, PA-II).

    Every class has weights. When the margin between the right class and the best wrong one
    is under 1, the two move apart, as little as is needed. Classes need not be known
    beforehand. The score is the softmax of the margins: it ranks, but is no calibrated
    probability.

    Parameters
    ----------
    C
        Aggressiveness, above 0.
    mode
        0: PA. 1: PA-I, the step is at most C. 2: PA-II, the step is damped by 1 / (2C).
    learn_intercept
        Whether the intercepts move with the weights, by the same step.

    Examples
    --------
    >>> from river import datasets, metrics
    >>> from learners import create
    >>> model = create("passive_aggressive_multiclass", {"C": 0.1}, scale=True)
    >>> accuracy = metrics.Accuracy()
    >>> for x, y in datasets.ImageSegments():
    ...     accuracy.update(y, model.predict_one(x))
    ...     model.learn_one(x, y)
    >>> accuracy
    Accuracy: 86.28%

    References
    ----------
    Crammer et al.: Online Passive-Aggressive Algorithms. JMLR 7 (2006), section 7.
    """

    task: ClassVar[Task] = "multiclass"
    per_column: ClassVar[Mapping[str, float]] = {"weights": 0.0}
    others: ClassVar[Mapping[str, float]] = {"intercepts": 0.0}

    weights: Floats
    intercepts: Floats

    def __init__(self, C: float = 1.0, mode: int = 1, learn_intercept: bool = True) -> None:
        super().__init__()
        self.C = number("C", C, above=0.0)
        self.mode = one_of("mode", mode, (0, 1, 2))
        self.learn_intercept = switch("learn_intercept", learn_intercept)
        self.classes = Classes()
        self.weights = np.zeros((0, 0))
        self.intercepts = np.zeros(0)

    def targets(self, labels: Sequence[Any]) -> Floats:
        """The number of each label's class; NaN for UNLABELLED."""
        return self.classes.targets(labels)

    def advance(
        self, predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, times: Ints
    ) -> Scored:
        """See Compiled."""
        self._make_room()
        chances = np.zeros((len(targets), len(self.classes)))
        _classify(
            predict_with, learn_from, columns, targets, times, self.weights,
            self.intercepts, self.classes.learned, self.C, self.mode, self.learn_intercept, chances,
        )  # fmt: skip
        return self.classes.answer(chances, targets)

    def _make_room(self) -> None:
        missing = len(self.classes) - len(self.intercepts)
        if missing > 0:
            self.weights = np.pad(self.weights, ((0, missing), (0, 0)))
            self.intercepts = np.pad(self.intercepts, (0, missing))

    def state(self) -> dict[str, Any]:
        """The names of features and classes, weights of shape (classes, features), intercepts."""
        state = super().state()
        return {"features": state.pop("features"), "classes": self.classes.names, **state}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        super().load(state)
        self.classes = Classes(state["classes"])


@helper
def _margins(
    row: Floats, columns: Ints, weights: Floats, intercepts: Floats, n: int, out: Floats
) -> None:
    for k in range(n):
        out[k] = dot(row, columns, weights[k]) + intercepts[k]


@helper
def _softmax(margins: Floats, n: int) -> None:
    most = -math.inf
    for k in range(n):
        most = max(most, margins[k])
    for k in range(n):
        margins[k] = math.exp(max(margins[k] - most, -700.0))


@kernel
def _classify(
    predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, times: Ints,
    weights: Floats, intercepts: Floats, learned: int, C: float, mode: int,
    learn_intercept: bool, chances: Floats,
) -> None:  # fmt: skip
    margins = np.zeros(weights.shape[0])
    for i in range(targets.shape[0]):
        _margins(predict_with[i], columns, weights, intercepts, learned, chances[i])
        _softmax(chances[i], learned)
        for _ in range(often(targets[i], times, i)):
            row, right = learn_from[i], int(targets[i])
            learned = max(learned, right + 1)
            _margins(row, columns, weights, intercepts, learned, margins)
            wrong = -1
            for k in range(learned):
                if k != right and (wrong < 0 or margins[k] > margins[wrong]):
                    wrong = k
            if wrong >= 0 and margins[right] - margins[wrong] < 1.0:
                loss = 1.0 - (margins[right] - margins[wrong])
                step = step_size(loss, 2.0 * squared_norm(row), C, mode)
                add_scaled(row, columns, step, weights[right])
                add_scaled(row, columns, -step, weights[wrong])
                if learn_intercept:
                    intercepts[right] = clip(intercepts[right] + step)
                    intercepts[wrong] = clip(intercepts[wrong] - step)
