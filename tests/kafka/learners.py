"""Learners of the tests, named in pipeline files as ``tests.kafka.learners:NAME``."""

from __future__ import annotations

import time
from typing import Any

from river import linear_model

from tests.learners.own_state import Saved


class Slow(Saved):
    """Takes 50 ms for an event; predicts whether it has learned an even number of them."""

    task = "binary"

    def __init__(self) -> None:
        self.learned = 0

    def predict_one(self, x: dict[str, float]) -> bool:
        return self.learned % 2 == 0

    def predict_proba_one(self, x: dict[str, float]) -> dict[bool, float]:
        return {True: 0.5, False: 0.5}

    def learn_one(self, x: dict[str, float], y: bool) -> None:
        time.sleep(0.05)
        self.learned += 1


class Breathing(Saved):
    """A model of 2 MB, of 100 bytes, of 2 MB ..., changing every 50 events."""

    task = "binary"

    def __init__(self) -> None:
        self.learned = 0
        self.memory = b""

    def predict_one(self, x: dict[str, float]) -> bool:
        return bool(self.memory) and self.memory[-1] % 2 == 0

    def predict_proba_one(self, x: dict[str, float]) -> dict[bool, float]:
        return {True: len(self.memory) / 3_000_000}

    def learn_one(self, x: dict[str, float], y: bool) -> None:
        self.learned += 1
        size = 2_000_000 if self.learned // 50 % 2 == 0 else 100
        self.memory = bytes([self.learned % 256]) * size


class Unhurried(Saved, linear_model.LogisticRegression):
    """A logistic regression of River's that takes 2 ms to say what it thinks of an event."""

    def predict_proba_one(self, x: Any, **kwargs: Any) -> Any:
        time.sleep(0.002)
        return super().predict_proba_one(x, **kwargs)  # type: ignore[no-untyped-call]


class Balky(Saved, linear_model.LogisticRegression):
    """A logistic regression of River's that fails to learn events with x0 = 13."""

    def learn_one(self, x: Any, y: Any, w: Any = 1.0) -> None:
        super().learn_one(x, y)
        if x["x0"] == 13.0:
            raise ArithmeticError("no thirteens")


class Stuck(Saved, linear_model.LogisticRegression):
    """A logistic regression of River's that never ends to learn an event with x0 = 13."""

    def learn_one(self, x: Any, y: Any, w: Any = 1.0) -> None:
        while x["x0"] == 13.0:
            pass
        super().learn_one(x, y)
