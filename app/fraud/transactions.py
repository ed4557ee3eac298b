"""Card transactions as columns."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

EPOCH = 1_522_540_800
"""2018-04-01 00:00 UTC, a Sunday, in seconds since 1970: where the simulators begin."""
DAY = 86_400
"""Seconds."""


@dataclass(frozen=True, eq=False)
class Transactions:
    """Transactions in the order of time; all columns have the same length.

    Attributes:
        id: Running number, ascending.
        time: Seconds since `EPOCH`, ascending.
        card: Number of the card.
        terminal: Number of the terminal.
        amount: In the money of the simulation.
        fraud: What the label will say.
        scenario: Why it is one: a number of `Scenario`, 0 where it is none.
    """

    id: Ints
    time: Ints
    card: Ints
    terminal: Ints
    amount: Floats
    fraud: Bools
    scenario: Ints

    def __len__(self) -> int:
        return len(self.id)

    @property
    def day(self) -> Ints:
        """Days since `EPOCH`."""
        return self.time // DAY

    def where(self, chosen: Bools | Ints | slice) -> Self:
        """These rows alone."""
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def days(self, first: int, count: int) -> Self:
        """Those of `count` days from day `first` on."""
        ends = np.searchsorted(self.time, [first * DAY, (first + count) * DAY])
        return self.where(slice(*ends.tolist()))

    def rows(self) -> Iterator[tuple[int, int, int, int, float, bool, int]]:
        """Row after row, in Python's own numbers."""
        return zip(*(getattr(self, field.name).tolist() for field in fields(self)), strict=True)


class Scenario:
    """Why a transaction is a fraud."""

    NONE, AMOUNT, TERMINAL, CARD, TESTING = range(5)
