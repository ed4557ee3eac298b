"""Reasons: the strongest contributions, in an order that batches cannot change."""

from __future__ import annotations

import numpy as np
import pytest

from agents.decisions.reasons import FEW, top
from learners.base import Contributions
from topics.records import Reason


def of(names: tuple[str, ...], *values: float) -> Contributions:
    return Contributions(names, np.array(values), 0.5)


def test_the_strongest_come_first_whatever_their_sign() -> None:
    expected = (Reason("b", -3.0), Reason("c", 2.0))
    assert top([of(("a", "b", "c"), 0.1, -3.0, 2.0)], 2) == [expected]


def test_equal_ones_come_by_name_and_those_of_nothing_not_at_all() -> None:
    (found,) = top([of(("z", "nothing", "m", "a"), 1.0, 0.0, -1.0, 1.0)], 9)
    assert [reason.feature for reason in found] == ["a", "m", "z"]


@pytest.mark.parametrize("k", [1, 3, 9])
def test_many_at_once_are_as_one_by_one(k: int) -> None:
    draw, names, others = np.random.default_rng(0), ("c", "a", "d", "b"), ("x", "a")
    rows = [of(names, *draw.integers(-2, 3, 4).astype(float)) for _ in range(5 * FEW)]
    rows += [of(others, 1.0, -1.0)]
    rows += [of(names, *draw.normal(size=4)) for _ in range(2 * FEW)]
    assert top(rows, k) == [each for row in rows for each in top([row], k)]
