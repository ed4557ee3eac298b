"""What is predicted without a model: the last label, the most frequent class, the running mean.

These are yardsticks: a model that does no better is worth nothing.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from app.evaluation.verdicts import Verdict
from learners import metrics
from learners.base import Task

EXPLODED = -10.0
"""An R² below it: the errors are more than three times as large as those of the mean."""


class Naive(NamedTuple):
    """What is known at an event, from the labels that came before it; None before the first.

    Attributes:
        last: The label that came last.
        usual: The most frequent class, of level ones the one that was first; the mean of numbers.
    """

    last: Any
    usual: Any


def naive(task: Task, verdicts: Sequence[Verdict]) -> Iterator[tuple[Verdict, Naive]]:
    """The labelled verdicts in the order of time, each with what was known without a model.

    A label is known once it came, and its event with it: a late one not before.
    """
    ordered = sorted(verdicts, key=lambda verdict: (verdict.time, verdict.place))
    coming: list[tuple[int, int, Any]] = []
    usual = _Mean() if task == "regression" else _Majority()
    last = None
    for n, verdict in enumerate(ordered):
        if verdict.label is None:
            continue
        while coming and coming[0][0] <= verdict.time:
            last = heapq.heappop(coming)[2]
            usual.add(last)
        yield verdict, Naive(last, usual.value)
        known = verdict.time if verdict.known_at is None else max(verdict.known_at, verdict.time)
        heapq.heappush(coming, (known, n, verdict.label))


def yardsticks(task: Task, verdicts: Sequence[Verdict]) -> dict[str, float]:
    """The metrics of the naive predictions, and kappa temporal; none for a task without labels."""
    if task not in ("binary", "multiclass", "regression"):
        return {}
    pairs = list(naive(task, verdicts))
    labels = [verdict.label for verdict, _ in pairs]
    last, usual = ([getattr(known, name) for _, known in pairs] for name in Naive._fields)
    if task == "regression":
        return {"mae_last_value": _mae(labels, last), "mae_running_mean": _mae(labels, usual)}
    predicted = [verdict.prediction for verdict, _ in pairs]
    return {
        "kappa_temporal": metrics.kappa_temporal(labels, predicted, last),
        "last_label_right": metrics.accuracy(labels, last),
        "majority_right": metrics.accuracy(labels, usual),
    }


def worse_than_none(found: Mapping[str, float]) -> Iterator[str]:
    """A line for each yardstick that is better than the model, by the metrics of both."""
    for name, model, better, what in _COMPARED:
        yardstick, own = found.get(name, math.nan), found.get(model, math.nan)
        if (own - yardstick) * better < 0:
            yield (
                f"worse than no model: {what} has {_SHOWN[model]} {yardstick:.4g}, this one"
                f" {own:.4g}"
            )
    if found.get("r2", 0.0) < EXPLODED:
        yield (
            "single errors are far larger than the labels: take a smaller learner.learning_rate,"
            ' or "passive_aggressive_regressor", whose steps are bounded'
        )


_COMPARED = (
    ("last_label_right", "accuracy", 1, "repeating the last label"),
    ("majority_right", "accuracy", 1, "always the most frequent class so far"),
    ("mae_last_value", "mae", -1, "repeating the last value"),
    ("mae_running_mean", "mae", -1, "the mean so far"),
)
_SHOWN = {"accuracy": "the accuracy", "mae": "the MAE"}


class _Majority:
    """The most frequent class so far."""

    def __init__(self) -> None:
        self._counts = Counter[Any]()
        self.value: Any = None

    def add(self, label: Any) -> None:
        self._counts[label] += 1
        if self.value is None or self._counts[label] > self._counts[self.value]:
            self.value = label


class _Mean:
    """The mean of the numbers so far."""

    def __init__(self) -> None:
        self._count = 0
        self.value: float | None = None

    def add(self, label: float) -> None:
        self._count += 1
        self.value = (
            label if self.value is None else self.value + (label - self.value) / self._count
        )


def _mae(labels: Sequence[float], predicted: Sequence[float | None]) -> float:
    """Over the events at which anything was known."""
    known = [(y, value) for y, value in zip(labels, predicted, strict=True) if value is not None]
    return metrics.mae([y for y, _ in known], [value for _, value in known])
