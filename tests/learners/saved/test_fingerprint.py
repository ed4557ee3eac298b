from __future__ import annotations

import collections
import os
import random
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from learners.saved.fingerprint import fingerprint


class Node:
    def __init__(self, value: Any) -> None:
        self.value = value
        self.next: Node | None = None


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Other(Node):
    pass


def ring(*values: Any) -> Node:
    nodes = [Node(value) for value in values]
    for node, following in zip(nodes, [*nodes[1:], nodes[0]], strict=True):
        node.next = following
    return nodes[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1.0, 1.0000000000000002),
        (0.0, -0.0),
        (1, 1.0),
        (1, True),
        (1, "1"),
        ("a", b"a"),
        ([1, 2], [2, 1]),
        ([1, 2], (1, 2)),
        ([[1], 2], [[1, 2]]),
        (["ab", "c"], ["a", "bc"]),
        ({"a": 1}, {"a": 2}),
        ({"a": 1, "b": 2}, {"a": 2, "b": 1}),
        ({1}, {2}),
        (np.zeros(2), np.zeros((2, 1))),
        (np.zeros(2), np.zeros(2, np.int64)),
        (np.array([0.0]), np.array([-0.0])),
        (np.float64(1), 1.0),
        (Node(1), Node(2)),
        (Node(1), Other(1)),
        (Slotted(1), Slotted(2)),
        (ring(1, 2), ring(1, 2, 1, 2)),
        (random.Random(1), random.Random(2)),
        (np.random.default_rng(1), np.random.default_rng(2)),
        (collections.deque([1], 2), collections.deque([1], 3)),
        (collections.OrderedDict(a=1, b=2), collections.OrderedDict(b=2, a=1)),
        (random.Random(1).gauss, random.Random(2).gauss),
        (len, sum),
    ],
)
def test_different_things_differ(one: Any, other: Any) -> None:
    assert fingerprint(one) != fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (float("nan"), -float("nan")),
        (np.array([1.0, np.nan]), np.array([1.0, float("nan")])),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a", "b", "c"}, {"c", "b", "a"}),
        (np.arange(4.0).reshape(2, 2).T, np.array([[0.0, 2.0], [1.0, 3.0]])),
        (ring(1, 2, 3), ring(1, 2, 3)),
        (random.Random(1), random.Random(1)),
        (np.random.default_rng(1), np.random.default_rng(1)),
        (collections.defaultdict(float, a=1.0), collections.defaultdict(float, a=1.0)),
        (Slotted([1]), Slotted([1])),
    ],
)
def test_equal_things_are_equal(one: Any, other: Any) -> None:
    assert fingerprint(one) == fingerprint(other)


def test_deep_nesting_needs_no_recursion() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert len(fingerprint(deep)) == 32


def test_other_processes_find_the_same() -> None:
    program = (
        "from learners.saved.fingerprint import fingerprint; import numpy as np;"
        "print(fingerprint([{'b': {'x', 'y', 'z'}, 'a': np.arange(3.0)}, frozenset('abc'), 0.1]))"
    )
    found = set()
    for seed in ("1", "2", "3"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", program]
        found.add(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    assert len(found) == 1
