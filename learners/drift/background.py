"""A learner in the background, and whether it is the better one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from learners.base import Estimator
from learners.engine.kernels import Floats, kernel

EVENTS, GAIN, SQUARES = range(3)


class BackgroundLearner:
    """Learns beside the learner that predicts, and is compared with it window by window.

    Attributes
    ----------
    learner
        The learner itself.
    numbers
        Of this window: events learned, the sum of what its losses were less, and the
        sum of its squares.
    """

    def __init__(self, learner: Estimator) -> None:
        self.learner = learner
        self.numbers: Floats = np.zeros(3)

    def compare(self, losses: Floats, others: Floats, learned: int) -> None:
        """Take the losses of both, row by row, and how many of the rows were learned."""
        _compare(losses, others, self.numbers)
        self.numbers[EVENTS] += learned

    def left(self, window: int) -> int:
        """Events to learn until this window ends."""
        return window - int(self.numbers[EVENTS])

    def verdict(self) -> int:
        """1: better by two standard errors, -1: worse by as much, 0: neither. A new window."""
        gain, error = self.numbers[GAIN], 2.0 * math.sqrt(self.numbers[SQUARES])
        self.numbers = np.zeros(3)
        return int(gain > error) - int(-gain > error)

    def state(self) -> dict[str, Any]:
        """Its state and the sums."""
        return {"learner": self.learner.state(), "numbers": self.numbers}

    @classmethod
    def revive(cls, learner: Estimator, state: Mapping[str, Any]) -> BackgroundLearner:
        """As `state` said, around a learner that was revived."""
        made = cls(learner)
        made.numbers = np.array(state["numbers"], np.float64)
        return made


@kernel
def _compare(losses: Floats, others: Floats, numbers: Floats) -> None:
    for i in range(losses.shape[0]):
        less = losses[i] - others[i]
        if less == less:
            numbers[GAIN] += less
            numbers[SQUARES] += less * less
