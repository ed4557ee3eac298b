"""What learners of several classes share: the classes, and how chances become an answer."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np

from learners.base import UNLABELLED, Scored
from learners.engine.kernels import Floats, Ints, kernel


class Classes:
    """Class -> number, in the order in which they were first learned.

    Attributes
    ----------
    learned
        How many were learned from before the batch that is at work.
    """

    def __init__(self, names: Iterable[Hashable] = ()) -> None:
        self.index: dict[Hashable, int] = {name: i for i, name in enumerate(names)}
        self.learned = len(self.index)

    def __len__(self) -> int:
        return len(self.index)

    @property
    def names(self) -> list[Any]:
        """The classes in the order of their numbers."""
        return list(self.index)

    def targets(self, labels: Sequence[Any]) -> Floats:
        """The number of each label's class, new ones added; NaN for UNLABELLED."""
        index = self.index
        numbers = [math.nan if y is UNLABELLED else index.setdefault(y, len(index)) for y in labels]
        return np.array(numbers, np.float64)

    def answer(self, chances: Floats, targets: Floats) -> Scored:
        """The likeliest class of each row among those learned before it, and its probability.

        `chances` has the shape (rows, classes), none below 0; a row's are divided by their
        sum. None and None where no class was known yet.
        """
        best, scores = np.empty(len(targets), np.int64), np.empty(len(targets))
        pick(chances, targets, self.learned, best, scores)
        self.learned = len(self)
        names = self.names
        found = best.tolist()
        shares: list[float | None] = list(scores.tolist())
        unknown = found.count(-1)
        predictions: list[Any] = [None] * unknown + [names[k] for k in found[unknown:]]
        shares[:unknown] = [None] * unknown
        return Scored(predictions, shares)


@kernel
def pick(chances: Floats, targets: Floats, learned: int, best: Ints, scores: Floats) -> None:
    """For each row the number of its likeliest class (-1: none is known) and its share."""
    for i in range(targets.shape[0]):
        best[i], scores[i] = -1, 0.0
        if learned > 0:
            total, likeliest = 0.0, 0
            for k in range(learned):
                total += chances[i, k]
                if chances[i, k] > chances[i, likeliest]:
                    likeliest = k
            best[i] = likeliest
            scores[i] = chances[i, likeliest] / total if total > 0.0 else 1.0 / learned
        if targets[i] >= learned:
            learned = int(targets[i]) + 1
