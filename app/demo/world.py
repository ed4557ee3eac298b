"""What the demo simulates: a history, then days at a pace, and a fraud that nobody has seen."""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from app.fraud.live import LiveParameters, LiveSimulator
from app.fraud.stream import DELAY, Names, merged
from app.fraud.transactions import DAY, EPOCH, Scenario, Transactions
from app.replay.base import Event

PATTERN = "moving"
PATTERN_DAY = 32
"""Counted from 0. By then the model has learned from the labels of 25 days."""
SEEN_DAYS = 9
"""After so many days the labels of the new fraud have come for a day and a bit."""
DELAY_DAYS = DELAY // DAY
CARDS_A_LOOK = 30
"""Cards for each one that the desk can look at in a day."""


@dataclass(frozen=True)
class World:
    """How much is simulated.

    Attributes:
        cards: How many there are.
        seconds: How long the stream is sent at its pace; 0: without end.
        pace: Seconds of event time in a second.
    """

    cards: int = 600
    seconds: float = 0.0
    pace: float = DAY / 10

    @property
    def budget(self) -> int:
        """Cards a day that the desk looks at."""
        return max(2, self.cards // CARDS_A_LOOK)

    @property
    def history(self) -> int:
        """Days that are sent as fast as can be.

        A long stream then begins a day before the new fraud. A short one begins so late after
        it that the labels come before it ends.
        """
        days = math.floor(self.seconds * self.pace / DAY) if self.seconds else SEEN_DAYS + 1
        return PATTERN_DAY - min(1, days - SEEN_DAYS)

    def simulator(self) -> LiveSimulator:
        """Of all transactions, from day 0 on."""
        simulator = LiveSimulator(LiveParameters(cards=self.cards, terminals=2 * self.cards))
        simulator.inject(PATTERN, PATTERN_DAY)
        return simulator

    def history_size(self) -> int:
        """Payments of the history."""
        days = zip(range(self.history), self.simulator(), strict=False)
        return sum(len(day) for _, day in days)


def day_of(number: int) -> date:
    """The date of a day of the simulation."""
    return datetime.fromtimestamp(EPOCH + number * DAY, UTC).date()


class Truth:
    """What the simulator knows of each payment, by its number; the workers do not."""

    def __init__(self) -> None:
        self.times = array("q")
        self.cards = array("q")
        self.amounts = array("d")
        self.scenarios = bytearray()

    def add(self, day: Transactions) -> None:
        """One more day."""
        self.times.extend((day.time + EPOCH).tolist())
        self.cards.extend(day.card.tolist())
        self.amounts.extend(day.amount.tolist())
        self.scenarios.extend(day.scenario.tolist())

    def is_fraud(self, number: int) -> bool:
        """Of any kind."""
        return self.scenarios[number] != Scenario.NONE

    def is_new(self, number: int) -> bool:
        """Whether it belongs to the new fraud."""
        return self.scenarios[number] == Scenario.TESTING

    def day(self, number: int) -> int:
        """Of the simulation."""
        return (self.times[number] - EPOCH) // DAY


class Waves:
    """Further waves of the new fraud, with other cards. One thread asks, another simulates.

    Attributes:
        days: On which they begin.
    """

    def __init__(self) -> None:
        self.days: list[int] = []
        self._asked: deque[None] = deque()

    def ask(self) -> None:
        """Let one begin on the next day."""
        self._asked.append(None)

    def begin(self, simulator: LiveSimulator) -> None:
        """Before each day: begin what was asked for."""
        while self._asked:
            self._asked.popleft()
            self.days.append(simulator.day)
            simulator.inject(PATTERN)


def events(world: World, truth: Truth, waves: Waves | None = None) -> Iterator[Event]:
    """Payments and their labels, which come 7 days later, in the order of time, without end."""
    waves = waves or Waves()

    def days() -> Iterator[Transactions]:
        simulator = world.simulator()
        while True:
            waves.begin(simulator)
            day = simulator.next_day()
            truth.add(day)
            yield day

    for number, record in enumerate(merged(days(), Names(prefix="live"))):
        yield Event(number, record.value, record.kind, record.timestamp)


def number_of(event_id: str) -> int:
    """The number of a payment: its id ends with it."""
    return int(event_id.rpartition("-")[2])
