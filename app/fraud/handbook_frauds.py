"""The three kinds of fraud in the handbook's simulator, which mark transactions in place.

They run one after another; a later one takes over what an earlier one has marked.
"""

import random

import numpy as np

from app.fraud.transactions import Bools, Ints, Scenario, Transactions

_LARGE = 220.0
_TERMINAL_DAYS, _CARD_DAYS = 28, 14


def large_amounts(data: Transactions, cards: int, terminals: int, days: int) -> None:
    """Every amount above 220."""
    _mark(data, np.flatnonzero(data.amount > _LARGE), Scenario.AMOUNT)


def compromised_terminals(data: Transactions, cards: int, terminals: int, days: int) -> None:
    """Two more terminals a day, for 28 days, with all that they take."""
    rows_of = rows_by_number(data.terminal)
    for day in range(days - 1):
        for terminal in _drawn(day, terminals, 2):
            rows = rows_of(terminal)
            _mark(data, rows[_within(data.day[rows], day, _TERMINAL_DAYS)], Scenario.TERMINAL)


def compromised_cards(data: Transactions, cards: int, terminals: int, days: int) -> None:
    """Three more cards a day, for 14 days: a third of their amounts, times 5."""
    rows_of = rows_by_number(data.card)
    for day in range(days - 1):
        rows = np.sort(np.concatenate([rows_of(card) for card in _drawn(day, cards, 3)]))
        rows = rows[_within(data.day[rows], day, _CARD_DAYS)]
        chosen = np.array(random.Random(day).sample(rows.tolist(), len(rows) // 3), np.int64)
        data.amount[chosen] *= 5
        _mark(data, chosen, Scenario.CARD)


MARKS = (large_amounts, compromised_terminals, compromised_cards)


class rows_by_number:
    """The rows of each number, ascending."""

    def __init__(self, numbers: Ints) -> None:
        self._order = np.argsort(numbers, kind="stable")
        self._sorted = numbers[self._order]

    def __call__(self, number: int) -> Ints:
        first, end = np.searchsorted(self._sorted, [number, number + 1])
        return np.asarray(self._order[first:end])


def _mark(data: Transactions, rows: Ints, scenario: int) -> None:
    data.fraud[rows] = True
    data.scenario[rows] = scenario


def _drawn(day: int, among: int, count: int) -> list[int]:
    drawn = np.random.RandomState(day).choice(among, min(count, among), replace=False)
    return [int(number) for number in drawn]


def _within(days: Ints, first: int, count: int) -> Bools:
    return (days >= first) & (days < first + count)
