"""A second simulator: endless, one day at a time, with parameters, and new frauds on command."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from app.fraud.patterns import BOOK, CompromisedCards, CompromisedTerminals, Pattern, Spending
from app.fraud.transactions import DAY, Floats, Transactions

_NOON, _SPREAD = 43_200, 20_000
_LEVEL_KEPT = 0.99


@dataclass(frozen=True)
class LiveParameters:
    """What the simulated world is like.

    Attributes:
        seed: Of everything; equal seeds and commands give equal transactions.
        cards: How many there are.
        terminals: How many there are; they lie on a ring, and a card uses `reach` neighbours.
        rate: Transactions a day of a card, as a mean over the cards.
        drift: How much the spending of a card changes a day, as a share (a standard deviation).
            It wanders around its mean, half of it forgotten in 70 days.
        frauds: How often cards and terminals are compromised; 1 is as often as in the handbook.
        reach: Terminals that a card uses.
        days: The end; endless unless given.
    """

    seed: int = 0
    cards: int = 1000
    terminals: int = 2000
    rate: float = 2.0
    drift: float = 0.01
    frauds: float = 1.0
    reach: int = 50
    days: int | None = None

    def __post_init__(self) -> None:
        for name in ("cards", "terminals", "reach"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)}: must be 1 or more")
        for name in ("seed", "rate", "drift", "frauds", "days"):
            if (value := getattr(self, name)) is not None and value < 0:
                raise ValueError(f"{name} = {value}: must not be below 0")


@dataclass(frozen=True)
class _Active:
    """A pattern that runs: its first day, and a number that seeds its choices."""

    pattern: Pattern
    first: int
    seed: tuple[int, ...]


class LiveSimulator:
    """Transactions day by day; iterate over it, and inject patterns in between.

    A pattern changes only the transactions that it touches: all others stay as they would have
    been, apart from their ids. What is held in memory is a few numbers a card and the patterns
    that run.

    >>> simulator = LiveSimulator(LiveParameters(cards=50, terminals=20))
    >>> simulator.inject("testing", day=1)
    >>> [sorted(set(day.scenario.tolist())) for _, day in zip(range(2), simulator)]
    [[0], [0, 4]]
    """

    def __init__(self, parameters: LiveParameters | None = None) -> None:
        self.parameters = parameters or LiveParameters()
        self.day = 0
        self._count = 0
        self._commands = 0
        self._active: list[_Active] = []
        draw = np.random.default_rng([self.parameters.seed, 0])
        cards = self.parameters.cards
        self._means = draw.uniform(5, 100, cards)
        self._eagerness = draw.uniform(0, 2, cards)
        self._homes = draw.integers(0, self.parameters.terminals, cards)
        self._levels = np.zeros(cards)

    def inject(self, pattern: str | Pattern, day: int | None = None) -> None:
        """Let a new fraud begin on `day`, the next one unless given.

        Raises:
            ValueError: For a name that is not in `patterns.BOOK`, or a day that is over.
        """
        day = self.day if day is None else day
        if day < self.day:
            raise ValueError(f"day {day} is over, the next one is day {self.day}")
        if isinstance(pattern, str):
            if pattern not in BOOK:
                raise ValueError(f'no pattern "{pattern}"; there are {", ".join(sorted(BOOK))}')
            pattern = BOOK[pattern]()
        self._commands += 1
        self._active.append(_Active(pattern, day, (self.parameters.seed, 2, self._commands)))

    def turn(self, **parameters: float) -> None:
        """Set rate, drift or frauds anew, from the next day on.

        Raises:
            ValueError: For another parameter, or an impossible value.
        """
        if fixed := parameters.keys() - {"rate", "drift", "frauds"}:
            raise ValueError(f"{', '.join(sorted(fixed))}: fixed once the simulation runs")
        self.parameters = replace(self.parameters, **parameters)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Transactions]:
        while self.parameters.days is None or self.day < self.parameters.days:
            yield self.next_day()

    def next_day(self) -> Transactions:
        """The transactions of the next day, in the order of time."""
        draw = np.random.default_rng([self.parameters.seed, 1, self.day])
        self._compromise(draw)
        self._levels = self._levels * _LEVEL_KEPT + draw.normal(
            0, self.parameters.drift, self.parameters.cards
        )
        spending = self._spend(draw)
        for active in self._active:
            if (age := self.day - active.first) >= 0:
                spending = active.pattern.apply(spending, age, active.seed)
        self.day += 1
        self._active = [a for a in self._active if self.day - a.first < a.pattern.days]
        return self._numbered(spending)

    def _compromise(self, draw: np.random.Generator) -> None:
        """The frauds that begin without a command."""
        cards = draw.poisson(self.parameters.frauds * self.parameters.cards * 3 / 5000)
        terminals = draw.poisson(self.parameters.frauds * self.parameters.terminals * 2 / 10_000)
        seed = (self.parameters.seed, 3, self.day)
        if terminals:
            self._active.append(_Active(CompromisedTerminals(terminals), self.day, (*seed, 0)))
        if cards:
            self._active.append(_Active(CompromisedCards(cards), self.day, (*seed, 1)))

    def _spend(self, draw: np.random.Generator) -> Spending:
        means = self._means * np.exp(self._levels)
        rates = self._eagerness * self.parameters.rate
        card = np.repeat(np.arange(self.parameters.cards), draw.poisson(rates))
        second = draw.normal(_NOON, _SPREAD, len(card)).astype(np.int64)
        amount = draw.normal(means[card], means[card] / 2)
        again = draw.uniform(0, 2 * means[card])
        step = draw.integers(0, min(self.parameters.reach, self.parameters.terminals), len(card))
        day = Spending(
            second,
            card,
            (self._homes[card] + step) % self.parameters.terminals,
            np.where(amount < 0, again, amount),
            np.zeros(len(card), np.int64),
            means=means,
            terminals=self.parameters.terminals,
        )
        return day.where((second > 0) & (second < DAY))

    def _numbered(self, day: Spending) -> Transactions:
        order = np.argsort(day.second, kind="stable")
        ids = self._count + np.arange(len(order))
        self._count += len(order)
        amount: Floats = np.round(day.amount[order], 2)
        scenario = day.scenario[order]
        time = (self.day - 1) * DAY + day.second[order]
        return Transactions(
            ids, time, day.card[order], day.terminal[order], amount, scenario > 0, scenario
        )
