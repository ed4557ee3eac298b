"""Learners with one fault each, for the checks to find."""

from __future__ import annotations

import math
from typing import Any

from tests.learners.own_state import Saved


class Good(Saved):
    """Counts, and predicts whether the sum of the event is over the mean sum."""

    task = "binary"

    def __init__(self) -> None:
        self.n = 0
        self.mean = 0.0

    def learn_one(self, x: dict[str, float], y: bool) -> None:
        self.n += 1
        self.mean += (self._sum(x) - self.mean) / self.n

    def predict_one(self, x: dict[str, float]) -> bool:
        return self._sum(x) > self.mean

    def predict_proba_one(self, x: dict[str, float]) -> dict[bool, float]:
        p = 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, self._sum(x) - self.mean))))
        return {False: 1.0 - p, True: p}

    def _sum(self, x: dict[str, float]) -> float:
        return max(-1e9, min(1e9, sum(x[name] for name in sorted(x))))


class CannotPredictAtFirst(Good):
    def predict_one(self, x: dict[str, float]) -> bool:
        if self.n == 0:
            raise RuntimeError("nothing learned yet")
        return super().predict_one(x)


class LearnsWhilePredicting(Good):
    def predict_one(self, x: dict[str, float]) -> bool:
        self.mean += 1e-9
        return super().predict_one(x)


class AddsToTheInput(Good):
    def learn_one(self, x: dict[str, float], y: bool) -> None:
        super().learn_one(x, y)
        x["seen"] = 1.0


class ForgetsInSnapshots(Good):
    def dump_state(self) -> dict[str, Any]:
        return {"n": self.n, "mean": round(self.mean, 3)}


class CountsByHash(Good):
    def learn_one(self, x: dict[str, float], y: bool) -> None:
        super().learn_one(x, y)
        self.mean += 1e-6 * (hash("a") % 1000)


class NeedsEveryFeature(Good):
    def _sum(self, x: dict[str, float]) -> float:
        return super()._sum({name: x[name] for name in "abcde"})


class Overflows(Good):
    task = "regression"

    def _sum(self, x: dict[str, float]) -> float:
        return sum(x[name] for name in sorted(x)) * 1e10

    def predict_one(self, x: dict[str, float]) -> Any:
        return self._sum(x) - self.mean


class KeepsEverything(Good):
    def __init__(self) -> None:
        super().__init__()
        self.events: list[dict[str, float]] = []

    def learn_one(self, x: dict[str, float], y: bool) -> None:
        super().learn_one(x, y)
        self.events.append(x)


class CannotBeSaved(Good):
    def dump_state(self) -> dict[str, Any]:
        return {"say": object()}


class NeedsPickle:
    """Says nothing of its state."""

    task = "binary"

    def __init__(self) -> None:
        self.n = 0

    def learn_one(self, x: dict[str, float], y: bool) -> None:
        self.n += 1

    def predict_one(self, x: dict[str, float]) -> bool:
        return self.n % 2 == 0


class CannotBePickled(NeedsPickle):
    def __init__(self) -> None:
        super().__init__()
        self.say = lambda: self.n
