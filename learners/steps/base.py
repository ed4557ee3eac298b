"""The contract of a step: River's transformer API, and a way through whole batches."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from learners.base import Features, Task
from learners.engine.column_arrays import ColumnArrays
from learners.engine.kernels import Floats, Ints
from learners.engine.rows import Rows

EVERY: tuple[Task, ...] = ("binary", "multiclass", "regression", "clustering", "anomaly")
Dicts = Sequence[Features]


@dataclass(slots=True)
class Stage:
    """A batch between two steps.

    Attributes
    ----------
    names
        The features.
    predict_with
        Shape (rows, names): each row as the state before it makes it.
    learn_from
        The same after the row was learned; the same array where there is no difference.
        Undefined in rows that are not learned.
    """

    names: tuple[str, ...]
    predict_with: Floats
    learn_from: Floats

    @classmethod
    def of(cls, rows: Rows) -> Stage:
        """What stands before the first step."""
        return cls(rows.names, rows.matrix, rows.matrix)


class Step(ABC):
    """One transformer.

    A row is transformed, then learned from, then transformed again: the learner predicts
    with the first and learns from the second, as in a pipeline of River's. A step that
    learns from labels transforms only once, before it learns, so that no label leaks.
    """

    tasks: ClassVar[tuple[Task, ...]] = EVERY
    takes_texts: ClassVar[bool] = False

    def origin(self, name: str) -> str:
        """The feature of which this step made `name`, or `name` itself.

        Once a feature has come out under a name, the answer for it stays.
        """
        return name

    def prepare(self, task: Task) -> None:
        """Take note of what the labels will be, one of `tasks`."""
        assert task in self.tasks

    @abstractmethod
    def learn_one(self, x: Features, y: Any = None) -> None:
        """Learn one event; `y` is a number, or that of a class."""

    @abstractmethod
    def transform_one(self, x: Features) -> dict[str, Any]:
        """Transform one event; the state stays as it is."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """All that learning changes: arrays, numbers, strings, lists and dicts of them."""

    @abstractmethod
    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""


class TextStep(Step):
    """A step over dicts, some of whose values are texts. It stands before all others.

    Parameters
    ----------
    features
        The fields that it takes; the others pass. None: the step's own choice.
    """

    takes_texts: ClassVar[bool] = True

    def __init__(self, features: Sequence[str] | None) -> None:
        self.features = None if features is None else frozenset(features)

    def pairs(self, before: Dicts, after: Dicts, targets: Floats) -> tuple[Dicts, Dicts]:
        """Row after row: transformed to predict with, learned, transformed to learn from."""
        predict_with, learn_from = [], []
        for x, z, target in zip(before, after, targets.tolist(), strict=True):
            predict_with.append(self.transform_one(x))
            if target == target and (self.note(z) or z is not x):
                learn_from.append(self.transform_one(z))
            else:
                learn_from.append(predict_with[-1])
        if all(x is z for x, z in zip(predict_with, learn_from, strict=True)):
            return predict_with, predict_with
        return predict_with, learn_from

    @abstractmethod
    def note(self, x: Features) -> bool:
        """Learn one event; whether that changed anything."""

    def learn_one(self, x: Features, y: Any = None) -> None:
        """Learn one event."""
        self.note(x)


class MatrixStep(Step):
    """A step over matrices of numbers."""

    @abstractmethod
    def advance(self, stage: Stage, targets: Floats) -> Stage:
        """Row after row, see Step. A row whose target is NaN is not learned."""

    @abstractmethod
    def warm_up(self, n_features: int) -> int:
        """Run all kernels once over nothing; gives how many features come out."""

    def learn_one(self, x: Features, y: Any = None) -> None:
        """Learn one event."""
        target = 0.0 if y is None else float(y)
        self.advance(Stage.of(Rows.from_dicts([x])), np.array([target]))

    def transform_one(self, x: Features) -> dict[str, Any]:
        """Transform one event; a feature that was never learned is left out."""
        stage = self.advance(Stage.of(Rows.from_dicts([x])), np.array([math.nan]))
        return Rows(stage.names, stage.predict_with).to_dicts()[0]


class ColumnStep(ColumnArrays, MatrixStep):
    """A step whose state is arrays over columns, one a feature."""

    @abstractmethod
    def work(
        self, predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats
    ) -> Stage:
        """As `advance`, over columns in ascending order; `grow` was called before."""

    def advance(self, stage: Stage, targets: Floats) -> Stage:
        """See MatrixStep."""
        predict_with, learn_from, columns = self.columns.align_both(
            stage.names, stage.predict_with, stage.learn_from, targets
        )
        self.grow(len(self.columns))
        return self.work(predict_with, learn_from, columns, targets)

    def warm_up(self, n_features: int) -> int:
        """Run all kernels once over nothing."""
        empty = np.empty((0, n_features))
        self.grow(n_features)
        out = self.work(empty, empty, np.arange(n_features), np.empty(0))
        return int(out.predict_with.shape[1])
