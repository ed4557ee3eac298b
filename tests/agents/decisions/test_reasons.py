"""Reasons: the strongest contributions, in an order that batches cannot change."""

from __future__ import annotations

import numpy as np

from agents.decisions.reasons import top
from topics.records import Reason


def test_the_strongest_come_first_whatever_their_sign() -> None:
    values = np.array([0.1, -3.0, 2.0])
    assert top(("a", "b", "c"), values, 2) == (Reason("b", -3.0), Reason("c", 2.0))


def test_equal_ones_come_by_name_and_those_of_nothing_not_at_all() -> None:
    values = np.array([1.0, 0.0, -1.0, 1.0])
    found = top(("z", "nothing", "m", "a"), values, 9)
    assert [reason.feature for reason in found] == ["a", "m", "z"]
