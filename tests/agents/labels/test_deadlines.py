"""Deadlines come in order, and old ones do not pile up."""

from __future__ import annotations

import random

from agents.labels.deadlines import Deadlines


def test_keys_come_in_the_order_of_their_latest_deadlines() -> None:
    draw = random.Random(1)
    now: dict[str, int] = {}
    deadlines = Deadlines(now.get)
    for _ in range(3_000):
        key = f"k{draw.randrange(50)}"
        instead = key in now
        now[key] = draw.randrange(20)
        deadlines.push(key, now[key], instead=instead)
        assert len(deadlines) == len(now)
        if draw.random() < 0.3:
            before = draw.randrange(20)
            first, expected = deadlines.pop(before), min((at, key) for key, at in now.items())
            assert first == (expected[1] if expected[0] < before else None)
            now.pop(first or "", None)
            assert len(deadlines) == len(now)
    for key in sorted(now, key=lambda key: (now[key], key)):
        assert deadlines.pop() == key
        del now[key]
    assert deadlines.pop() is None


def test_old_deadlines_are_swept_out() -> None:
    now = {"a": 0}
    deadlines = Deadlines(now.get)
    deadlines.push("a", 0)
    for at in range(1, 10_000):
        now["a"] = at
        deadlines.push("a", at, instead=True)
        assert deadlines.held < 200
    assert deadlines.pop() == "a"
