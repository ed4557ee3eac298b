"""Streams that the checks feed to learners: small, deterministic, one for every task."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from learners.base import Task

Event = tuple[dict[str, float], Any]

_LABELS: dict[Task, Callable[[dict[str, float]], Any]] = {
    "binary": lambda x: x["a"] - 2.0 * x["b"] + 0.3 > 0.0,
    "multiclass": lambda x: "high" if x["a"] > 0.7 else "low" if x["b"] > 0.0 else "middle",
    "regression": lambda x: 3.0 * x["a"] - x["c"] + 1.0,
    "clustering": lambda x: None,
    "anomaly": lambda x: None,
}


def steady(task: Task, n: int) -> list[Event]:
    """`n` events with the features a to e, some noise in the labels."""
    rng = random.Random(7)
    events = []
    for _ in range(n):
        x = {name: rng.gauss(0.0, 1.0) for name in "abcde"}
        noisy = {name: value + rng.gauss(0.0, 0.2) for name, value in x.items()}
        events.append((x, _LABELS[task](noisy)))
    return events


def coming_and_going(task: Task, n: int) -> list[Event]:
    """Features are absent, new ones appear, the order of the fields changes."""
    rng = random.Random(11)
    events: list[Event] = []
    for i, (x, y) in enumerate(steady(task, n)):
        fields = [(name, value) for name, value in x.items() if rng.random() < 0.7]
        if i > n // 3:
            fields.append((f"late{i % 4}", rng.gauss(0.0, 1.0)))
        rng.shuffle(fields)
        events.append((dict(fields), y))
    events[n // 2] = ({}, events[n // 2][1])
    return events


def extreme(task: Task) -> list[Event]:
    """Huge, denormal, constant and all-zero features, between ordinary ones."""
    huge, tiny = 1e300, 5e-324
    odd: list[dict[str, float]] = [
        dict.fromkeys("abcde", huge),
        dict.fromkeys("abcde", -huge),
        dict.fromkeys("abcde", tiny),
        dict.fromkeys("abcde", 0.0),
        dict.fromkeys("abcde", -0.0),
        dict.fromkeys("abcde", 1e-155),
        {"a": huge, "b": -huge, "c": tiny, "d": 0.0, "e": 1.0},
        {"a": -huge, "b": huge, "c": 1e-30, "d": 1e155, "e": 1.0},
        {"a": 1e17, "b": 1e-17, "c": 1e17, "d": 1.0, "e": 1.0},
    ]
    events: list[Event] = []
    for x, y in steady(task, 150):
        events.append((x, y))
        x = {**odd[len(events) % len(odd)]}
        events.append((x, (len(events) // 2) % 2 == 0 if task == "binary" else y))
    return events
