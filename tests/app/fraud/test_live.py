"""The endless simulator: the same again from its seed and commands, and patterns as told."""

from itertools import islice
from typing import Any

import numpy as np
import pytest

from app.fraud.live import LiveParameters, LiveSimulator
from app.fraud.transactions import DAY, Scenario, Transactions

WORLD = {"cards": 200, "terminals": 100}


def simulated(days: int, *commands: tuple[str, int], **parameters: Any) -> list[Transactions]:
    """Some days of a small world, with patterns from the days that are told."""
    simulator = LiveSimulator(LiveParameters(**(WORLD | parameters)))
    for pattern, day in commands:
        simulator.inject(pattern, day)
    return list(islice(simulator, days))


def rows(days: list[Transactions]) -> list[tuple[Any, ...]]:
    """All transactions but their ids."""
    return [row[1:] for day in days for row in day.rows()]


def test_the_same_seed_and_commands_give_the_same_transactions() -> None:
    first, second = (simulated(9, ("testing", 2), ("cards", 4)) for _ in "ab")
    assert rows(first) == rows(second) != rows(simulated(9, ("testing", 2), ("cards", 5)))
    assert rows(first) != rows(simulated(9, ("testing", 2), ("cards", 4), seed=1))


def test_a_command_in_time_is_the_same_as_one_before() -> None:
    simulator = LiveSimulator(LiveParameters(**WORLD))
    days = list(islice(simulator, 3))
    simulator.inject("testing")
    days += list(islice(simulator, 3))
    assert rows(days) == rows(simulated(6, ("testing", 3)))


def test_days_follow_each_other_with_running_ids() -> None:
    days = simulated(5)
    assert all((day.day == number).all() for number, day in enumerate(days))
    assert all((np.diff(day.time) >= 0).all() for day in days)
    ids = np.concatenate([day.id for day in days])
    assert (ids == np.arange(len(ids))).all()


def test_a_pattern_leaves_all_other_transactions_as_they_were() -> None:
    plain, tested = (rows(simulated(8, *c)) for c in ([], [("testing", 3)]))
    added = [row for row in tested if row[-1] == Scenario.TESTING]
    assert sorted(plain) == sorted(row for row in tested if row[-1] != Scenario.TESTING)
    assert {row[0] // DAY for row in added} == {3, 4, 5, 6, 7}


def test_cards_are_tested_at_night_at_one_terminal_with_small_amounts_and_then_used() -> None:
    (day,) = simulated(1, ("testing", 0), frauds=0)
    fraud = day.where(day.scenario == Scenario.TESTING)
    small = fraud.where(fraud.amount <= 3)
    used = fraud.where(fraud.amount > 3)
    assert len(small) == 40
    assert len(set(small.terminal.tolist())) == 1
    assert (small.time // 3600 < 6).all()
    assert set(used.card.tolist()) < set(small.card.tolist())
    for card in used.card:
        assert used.time[used.card == card].min() > small.time[small.card == card].max()


def test_a_moving_test_of_cards_is_at_another_terminal_each_night() -> None:
    days = simulated(6, ("moving", 1), frauds=0)
    small = [day.where((day.scenario == Scenario.TESTING) & (day.amount <= 3)) for day in days]
    assert [len(day) for day in small] == [0, 60, 60, 60, 60, 60]
    places = [set(day.terminal.tolist()) for day in small[1:]]
    assert [len(place) for place in places] == [1] * 5
    assert len(set.union(*places)) == 5


def test_compromised_terminals_take_nothing_but_fraud_until_they_are_over() -> None:
    days = simulated(31, ("terminals", 1), frauds=0)
    hit = [set(day.terminal[day.scenario == Scenario.TERMINAL].tolist()) for day in days]
    assert [bool(terminals) for terminals in hit] == [1 <= day < 29 for day in range(31)]
    chosen = set.union(*hit)
    assert len(chosen) == 3
    assert all(day.fraud[np.isin(day.terminal, list(chosen))].all() for day in days[1:29])


def test_compromised_cards_spend_five_times_as_much_in_a_third_of_their_payments() -> None:
    plain, hit = (np.array(rows(simulated(14, *c, frauds=0))) for c in ([], [("cards", 0)]))
    fraud = hit[:, -1] == Scenario.CARD
    np.testing.assert_allclose(hit[fraud, 3], 5 * plain[fraud, 3], atol=0.03)
    assert (hit[~fraud] == plain[~fraud]).all()
    share = fraud[np.isin(hit[:, 1], hit[fraud, 1])].mean()
    assert 0.2 < share < 0.45


def test_frauds_begin_without_a_command_as_often_as_the_knob_says() -> None:
    shares = [
        np.concatenate([day.fraud for day in simulated(60, frauds=frauds, cards=2000)]).mean()
        for frauds in (0.0, 1.0, 4.0)
    ]
    assert shares[0] == 0
    assert 0.002 < shares[1] < 0.02
    assert 2 < shares[2] / shares[1] < 6


def test_the_rate_is_turned_while_it_runs() -> None:
    simulator = LiveSimulator(LiveParameters(**WORLD, rate=2.0))
    before = sum(len(simulator.next_day()) for _ in range(5))
    simulator.turn(rate=6.0)
    after = sum(len(simulator.next_day()) for _ in range(5))
    assert after / before == pytest.approx(3, rel=0.15)


def test_spending_drifts_only_where_the_knob_is_open() -> None:
    def change(drift: float) -> float:
        days = simulated(120, drift=drift, frauds=0, rate=20)
        early, late = (
            [np.concatenate([d.amount[d.card == card] for d in part]).mean() for card in range(50)]
            for part in (days[:20], days[-20:])
        )
        return float(np.std(np.log(np.array(late) / np.array(early))))

    assert change(0.0) < 0.06
    assert change(0.05) > 0.15


def test_memory_does_not_grow_with_the_days() -> None:
    simulator = LiveSimulator(LiveParameters(**WORLD, frauds=20.0))
    waiting = []
    for day in range(300):
        simulator.next_day()
        if day % 100 == 99:
            waiting.append(len(vars(simulator)["_active"]))
    assert max(waiting) < 60


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (
            lambda s: s.inject("testng"),
            'no pattern "testng"; there are cards, moving, terminals, testing',
        ),
        (lambda s: s.inject("testing", 1), "day 1 is over, the next one is day 2"),
        (lambda s: s.turn(cards=5), "cards: fixed once the simulation runs"),
        (lambda s: s.turn(rate=-1), "rate = -1: must not be below 0"),
    ],
)
def test_an_impossible_command_is_refused(command: Any, refusal: str) -> None:
    simulator = LiveSimulator(LiveParameters(**WORLD))
    list(islice(simulator, 2))
    with pytest.raises(ValueError) as refused:
        command(simulator)
    assert refusal in str(refused.value)
