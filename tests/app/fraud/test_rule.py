"""The hand rule, case by case."""

import numpy as np
import pytest

from app.fraud.features import NAMES
from app.fraud.rule import hand_rule


def test_a_bad_terminal_a_large_ratio_and_a_large_amount_weigh_the_same() -> None:
    rows = np.zeros((3, len(NAMES)))
    rows[:, NAMES.index("card_mean_30d")] = 1e6
    rows[0, NAMES.index("terminal_risk_7d")] = 1
    rows[1, NAMES.index("amount")] = 400
    rows[2, NAMES.index("amount")], rows[2, NAMES.index("card_mean_30d")] = 0.4, 0.1
    assert hand_rule(rows) == pytest.approx([1, 1, 1], abs=1e-6)


def test_a_card_that_never_spent_anything_is_no_division_by_zero() -> None:
    assert hand_rule(np.zeros((1, len(NAMES)))).tolist() == [0]
