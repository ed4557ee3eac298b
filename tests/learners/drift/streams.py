"""Streams with a known change point."""

from __future__ import annotations

import random
from typing import Any

CHANGE = 2000
Event = tuple[dict[str, float], Any]


def turning(task: str = "binary", n: int = 4000, seed: int = 5, noise: float = 0.3) -> list[Event]:
    """At event CHANGE the line that parts the classes, or gives the number, turns around."""
    rng = random.Random(seed)
    events: list[Event] = []
    for i in range(n):
        x = {name: rng.gauss(0.0, 1.0) for name in "abc"}
        side = 1.0 if i < CHANGE else -1.0
        value = side * (x["a"] - 0.5 * x["b"]) + rng.gauss(0.0, noise)
        classes = "high" if value > 0.7 else "low" if value < -0.7 else "middle"
        y: Any = {"binary": value > 0.0, "regression": value, "multiclass": classes}[task]
        events.append((x, y))
    return events


class Verdicts:
    """A learner without probabilities."""

    task = "binary"

    def predict_one(self, x: dict[str, float]) -> bool:
        return True

    def learn_one(self, x: dict[str, float], y: bool) -> None:
        pass
