"""The frauds of the live simulator. Each changes a day of spending; add one and name it in BOOK."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, Self

import numpy as np

from app.fraud.transactions import Bools, Floats, Ints, Scenario

_HOUR = 3600


@dataclass(frozen=True, eq=False)
class Spending:
    """One day's transactions, in any order, and the world that they are made in.

    Attributes:
        second: Of the day.
        card, terminal, amount, scenario: As in `Transactions`.
        means: What each card spends at a time, on this day.
        terminals: How many there are.
    """

    second: Ints
    card: Ints
    terminal: Ints
    amount: Floats
    scenario: Ints
    means: Floats
    terminals: int

    def where(self, chosen: Bools) -> Self:
        """These transactions alone."""
        return self._with(lambda name: getattr(self, name)[chosen])

    def marked(self, chosen: Bools, scenario: int, factor: float = 1.0) -> Self:
        """With a scenario for the chosen ones, and their amounts multiplied."""
        return replace(
            self,
            amount=np.where(chosen, self.amount * factor, self.amount),
            scenario=np.where(chosen, scenario, self.scenario),
        )

    def plus(self, other: Self) -> Self:
        """With the transactions of another."""
        return self._with(lambda n: np.concatenate([getattr(self, n), getattr(other, n)]))

    def _with(self, column: Callable[[str], Any]) -> Self:
        changed: dict[str, Any] = {name: column(name) for name in _COLUMNS}
        return replace(self, **changed)


_COLUMNS = [field.name for field in fields(Spending)][:5]


class Pattern(Protocol):
    """A fraud that goes on for some days."""

    @property
    def days(self) -> int: ...

    def apply(self, day: Spending, age: int, seed: tuple[int, ...]) -> Spending:
        """The day with the fraud in it.

        Args:
            day: As it is without.
            age: Days since the fraud began.
            seed: The same on all days of the fraud; with `age` it seeds what differs by day.
        """


@dataclass(frozen=True)
class CompromisedTerminals:
    """All that these terminals take is fraud."""

    count: int = 1
    days: int = 28

    def apply(self, day: Spending, age: int, seed: tuple[int, ...]) -> Spending:
        """See Pattern."""
        chosen = _chosen(seed, day.terminals, self.count)
        return day.marked(np.isin(day.terminal, chosen), Scenario.TERMINAL)


@dataclass(frozen=True)
class CompromisedCards:
    """A share of what these cards spend is fraud, with amounts that many times as large."""

    count: int = 1
    days: int = 14
    share: float = 1 / 3
    factor: float = 5.0

    def apply(self, day: Spending, age: int, seed: tuple[int, ...]) -> Spending:
        """See Pattern."""
        chosen = np.isin(day.card, _chosen(seed, len(day.means), self.count))
        lot = np.random.default_rng([*seed, 1, age]).random(len(day.card)) < self.share
        return day.marked(chosen & lot, Scenario.CARD, self.factor)


@dataclass(frozen=True)
class Testing:
    """Stolen cards are tried at night, at one terminal, with small amounts; then they are used.

    On each night `cards` cards have `tries` payments of 1 to 3 between 1 and 5 o'clock, seconds
    apart, all at the same terminal; those of them that work, half, spend about `factor` times
    their mean within the next 3 hours, anywhere. Where it is `moving`, each night has another
    terminal, so that the past of a terminal tells nothing.
    """

    days: int = 28
    cards: int = 10
    tries: int = 4
    factor: float = 2.0
    moving: bool = False

    def apply(self, day: Spending, age: int, seed: tuple[int, ...]) -> Spending:
        """See Pattern."""
        draw = np.random.default_rng([*seed, 1, age])
        cards = draw.choice(len(day.means), min(self.cards, len(day.means)), replace=False)
        begin = draw.integers(_HOUR, 5 * _HOUR, len(cards))
        tests = np.repeat(cards, self.tries)
        after = draw.integers(5, 60, (len(cards), self.tries)).cumsum(axis=1).ravel()
        works = draw.random(len(cards)) < 0.5
        used = cards[works]
        amounts = day.means[used] * self.factor * draw.uniform(0.75, 1.25, len(used))
        later = begin[works] + draw.integers(600, 3 * _HOUR, len(used))
        place = (*seed, 2, age) if self.moving else seed
        where = np.full(len(tests), _chosen(place, day.terminals, 1)[0])
        frauds = replace(
            day,
            second=np.concatenate([np.repeat(begin, self.tries) + after, later]),
            card=np.concatenate([tests, used]),
            terminal=np.concatenate([where, draw.integers(0, day.terminals, len(used))]),
            amount=np.concatenate([draw.uniform(1, 3, len(tests)), amounts]),
            scenario=np.full(len(tests) + len(used), Scenario.TESTING),
        )
        return day.plus(frauds)


BOOK: dict[str, Callable[[], Pattern]] = {
    "terminals": lambda: CompromisedTerminals(3),
    "cards": lambda: CompromisedCards(10),
    "testing": Testing,
    "moving": lambda: Testing(tries=6, moving=True),
}


def _chosen(seed: tuple[int, ...], among: int, count: int) -> Ints:
    drawn = np.random.default_rng([*seed, 0]).choice(among, min(count, among), replace=False)
    return np.asarray(drawn, np.int64)
