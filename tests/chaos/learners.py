"""Learners of the suite, named in pipeline files as ``tests.chaos.learners:NAME``."""

from __future__ import annotations

from typing import Any

from river import linear_model

from tests.learners.own_state import Saved


class Heavy(Saved):
    """A model of some megabytes, of which each event changes one byte."""

    task = "binary"

    def __init__(self, megabytes: int = 1) -> None:
        self.learned = 0
        self.memory = bytes(megabytes << 20)

    def predict_one(self, x: dict[str, float]) -> bool:
        return self.learned % 3 == 0

    def predict_proba_one(self, x: dict[str, float]) -> dict[bool, float]:
        return {True: self.memory[self.learned % 1000] / 256}

    def learn_one(self, x: dict[str, float], y: bool) -> None:
        self.learned += 1
        memory = bytearray(self.memory)
        memory[self.learned % 1000] = self.learned % 256
        self.memory = bytes(memory)


class Balky(Saved, linear_model.LogisticRegression):
    """A logistic regression of River's that fails, half learned, where x0 is over 2."""

    def learn_one(self, x: Any, y: Any, w: Any = 1.0) -> None:
        super().learn_one(x, y)
        if x["x0"] > 2.0:
            raise ArithmeticError("more than two")
