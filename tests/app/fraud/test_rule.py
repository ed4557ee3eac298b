"""The hand rule is as good as the reference says, within a week's noise."""

import numpy as np
import pytest

from app.fraud.features import NAMES
from app.fraud.protocol import split
from app.fraud.rule import hand_rule
from app.fraud.transactions import Floats, Transactions
from app.fraud.yardstick import judge


def test_the_rule_gets_about_the_figures_of_the_reference(
    handbook: Transactions, handbook_features: Floats
) -> None:
    test = split(handbook).test
    verdict = judge(test, hand_rule(handbook_features[test.id]))
    assert verdict.auc == pytest.approx(0.855, abs=0.02)
    assert verdict.average_precision == pytest.approx(0.565, abs=0.02)
    assert verdict.card_precision == pytest.approx(0.297, abs=0.02)


def test_a_bad_terminal_a_large_ratio_and_a_large_amount_weigh_the_same() -> None:
    rows = np.zeros((3, len(NAMES)))
    rows[:, NAMES.index("card_mean_30d")] = 1e6
    rows[0, NAMES.index("terminal_risk_7d")] = 1
    rows[1, NAMES.index("amount")] = 400
    rows[2, NAMES.index("amount")], rows[2, NAMES.index("card_mean_30d")] = 0.4, 0.1
    assert hand_rule(rows) == pytest.approx([1, 1, 1], abs=1e-6)


def test_a_card_that_never_spent_anything_is_no_division_by_zero() -> None:
    assert hand_rule(np.zeros((1, len(NAMES)))).tolist() == [0]
