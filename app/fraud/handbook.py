"""The simulator of the fraud detection handbook, to the last bit.

Le Borgne, Siblini, Lebichot, Bontempi: Reproducible Machine Learning for Credit Card Fraud
Detection – Practical Handbook (2022), chapter 3. Written anew from its description.
"""

import random
from dataclasses import dataclass

import numpy as np

from app.fraud.handbook_frauds import MARKS
from app.fraud.transactions import DAY, Floats, Transactions

_RADIUS = 5.0
_NOON, _SPREAD = 43_200, 20_000


@dataclass(frozen=True)
class Size:
    """How much is simulated; the defaults are the handbook's."""

    cards: int = 5000
    terminals: int = 10_000
    days: int = 183

    def __post_init__(self) -> None:
        for name in ("cards", "terminals", "days"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)}: must be 1 or more")


def simulate(size: Size | None = None) -> Transactions:
    """All transactions, with their frauds; about 10 s for the 1,754,155 of the handbook."""
    size = size or Size()
    data = spending(size)
    for mark in MARKS:
        mark(data, size.cards, size.terminals, size.days)
    return data


def spending(size: Size) -> Transactions:
    """All transactions, before any fraud."""
    x, y, means, rates = _cards(size.cards)
    places = np.random.RandomState(1).uniform(0, 100, (size.terminals, 2))
    columns: tuple[list[int], ...] = ([], [], [])
    amounts: list[float] = []
    for card in range(size.cards):
        distances = np.sqrt((places[:, 0] - x[card]) ** 2 + (places[:, 1] - y[card]) ** 2)
        near = np.flatnonzero(distances < _RADIUS).tolist()
        _spend(card, means[card], rates[card], near, size.days, columns, amounts)
    return _sorted(columns, amounts)


def _cards(count: int) -> tuple[Floats, Floats, list[float], list[float]]:
    """Place, mean amount and transactions a day, drawn for one card after another."""
    low, high = np.array([0, 0, 5, 0]), np.array([100, 100, 100, 4])
    drawn = np.random.RandomState(0).uniform(low, high, (count, 4))
    return drawn[:, 0], drawn[:, 1], drawn[:, 2].tolist(), drawn[:, 3].tolist()


def _spend(
    card: int,
    mean: float,
    rate: float,
    near: list[int],
    days: int,
    columns: tuple[list[int], ...],
    amounts: list[float],
) -> None:
    """Append the transactions of one card; the order of the draws is part of the simulation."""
    draw, choose = np.random.RandomState(card), random.Random(card)
    times, cards, terminals = columns
    for day in range(days):
        for _ in range(draw.poisson(rate)):
            second = int(draw.normal(_NOON, _SPREAD))
            if not 0 < second < DAY:
                continue
            amount = draw.normal(mean, mean / 2)
            if amount < 0:
                amount = draw.uniform(0, mean * 2)
            if near:
                times.append(day * DAY + second)
                cards.append(card)
                terminals.append(choose.choice(near))
                amounts.append(amount)


def _sorted(columns: tuple[list[int], ...], amounts: list[float]) -> Transactions:
    times, cards, terminals = (np.array(column, np.int64) for column in columns)
    order = np.argsort(times, kind="stable")
    return Transactions(
        np.arange(len(order)),
        times[order],
        cards[order],
        terminals[order],
        np.round(np.array(amounts)[order], 2),
        np.zeros(len(order), np.bool_),
        np.zeros(len(order), np.int64),
    )
