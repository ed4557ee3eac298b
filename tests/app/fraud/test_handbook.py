"""The simulation is the handbook's, to the anchors that are published."""

import numpy as np
import pytest

from app.fraud.handbook import Size, simulate, spending
from app.fraud.handbook_frauds import MARKS
from app.fraud.transactions import Transactions


def test_it_has_the_transactions_and_frauds_of_the_handbook(handbook: Transactions) -> None:
    assert (len(handbook), int(handbook.fraud.sum())) == (1_754_155, 14_681)
    assert handbook.amount[:5].tolist() == [57.16, 81.51, 146.00, 64.49, 50.99]


def test_a_later_scenario_takes_over_from_an_earlier_one(handbook: Transactions) -> None:
    assert np.bincount(handbook.scenario).tolist() == [1_739_474, 973, 9_077, 4_631]
    assert (handbook.fraud == (handbook.scenario > 0)).all()


def test_each_scenario_adds_the_frauds_of_the_handbook(
    handbook_in_steps: tuple[Transactions, list[int]],
) -> None:
    assert handbook_in_steps[1] == [978, 9_099, 4_604]


def test_a_simulation_is_its_spending_with_all_three_scenarios(small: Transactions) -> None:
    size = Size(cards=60, terminals=400, days=60)
    data = spending(size)
    for mark in MARKS:
        mark(data, size.cards, size.terminals, size.days)
    assert list(data.rows()) == list(small.rows())


def test_it_is_in_the_order_of_time_with_running_ids(handbook: Transactions) -> None:
    assert (np.diff(handbook.time) >= 0).all()
    assert (handbook.id == np.arange(len(handbook))).all()
    assert handbook.day[[0, -1]].tolist() == [0, 182]


def test_a_shorter_simulation_spends_as_the_longer_one_begins() -> None:
    short, long = (spending(Size(cards=1, days=days)) for days in (5, 9))
    assert 0 < len(short) < len(long)
    assert short.amount.tolist() == long.days(0, 5).amount.tolist()


def test_days_are_cut_at_midnight(small: Transactions) -> None:
    days = [small.days(day, 1) for day in range(60)]
    assert sum(map(len, days)) == len(small)
    assert all((part.day == day).all() for day, part in enumerate(days))


@pytest.mark.parametrize("size", [{"cards": 0}, {"terminals": 0}, {"days": -1}])
def test_an_empty_world_is_refused(size: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be 1 or more"):
        Size(**size)


def test_cards_out_of_reach_of_every_terminal_spend_nothing() -> None:
    assert len(simulate(Size(cards=3, terminals=1, days=5))) == 0
