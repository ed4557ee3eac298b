"""A new fraud in the stages in process: the live model finds it, and the figures say so."""

import numpy as np
import pytest

from app.demo.world import Truth
from app.fraud.transactions import DAY, Transactions
from benchmarks.pattern import Injection, half_found, rows, saved


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], None),
        ([False] * 500, None),
        ([True] * 3, None),
        ([True] * 500, 4),
        ([False] * 10 + [True] * 10, 12),
        ([False, False, False, True] * 100, None),
        ([True, False] * 10, 4),
    ],
)
def test_half_is_found_when_half_of_the_last_ones_were_alerts(
    found: list[bool], expected: int | None
) -> None:
    assert half_found(found, window=4) == expected


def test_what_a_blocked_card_would_have_lost_is_saved_and_a_look_costs_a_fee() -> None:
    truth = Truth()
    payments = [(0, 1, 5.0, 0), (1, 1, 7.0, 3), (2, 2, 11.0, 3), (3, 1, 13.0, 3), (DAY, 1, 17.0, 3)]
    time, card, amount, scenario = (np.array(column) for column in zip(*payments, strict=True))
    ids = np.arange(len(payments))
    truth.add(Transactions(ids, time, card, ids, amount, scenario > 0, scenario))
    everything = list(range(len(payments)))
    assert saved(truth, [False] * 5, everything) == 0
    assert saved(truth, [True, False, False, True, True], everything, fee=0.5) == 13 + 17 - 0.5
    assert saved(truth, [True] * 5, everything) == 7 + 11 + 13 + 17 - 2
    assert saved(truth, [True] * 5, [2, 4]) == 11 + 17 - 2


def test_the_live_model_finds_more_than_the_frozen_one_once_labels_come() -> None:
    *days, whole = rows(Injection(cards=200, first=25, days=12))
    assert [row["day"] for row in days] == list(range(12))
    assert all(50 <= row["payments"] <= 70 for row in days)
    assert sum(row["payments"] for row in days) == whole["payments"]
    assert whole["before_first_label"] == pytest.approx(7 * 65, abs=40)
    late = days[9:]
    live, frozen = (sum(row[f"{who}_share"] for row in late) for who in ("live", "frozen"))
    assert live > 3 * frozen
    early = days[:7]
    assert [row["live_share"] for row in early] == pytest.approx(
        [row["frozen_share"] for row in early], abs=0.3
    )
