"""The handbook's 15 features of a whole history at once; what a stream computes must equal them.

Le Borgne et al. (2022), chapter 3, section 4. Windows are exact, or made of daily buckets: the
day (UTC) in which the window ends and the w days before it, so that a card or a terminal is a
fixed number of counters, and what its window covers is w to w + 1 days.
"""

from typing import Literal

import numpy as np

from app.fraud.transactions import DAY, Floats, Ints, Transactions

Windows = Literal["exact", "daily"]

DAYS = (1, 7, 30)
DELAY = 7 * DAY
"""Seconds that a label takes."""
NAMES = (
    "amount",
    "weekend",
    "night",
    *(f"card_{what}_{days}d" for days in DAYS for what in ("count", "mean")),
    *(f"terminal_{what}_{days}d" for days in DAYS for what in ("count", "risk")),
)


def features(data: Transactions, windows: Windows = "exact", delay: int = DELAY) -> Floats:
    """A row for each transaction, its columns as in `NAMES`.

    Args:
        data: In the order of time.
        windows: See above.
        delay: Seconds that a label takes; the terminal's features end that long ago.
    """
    night = data.time % DAY // 3600 <= 6
    weekend = (data.day + 6) % 7 >= 5
    columns = [data.amount, weekend.astype(np.float64), night.astype(np.float64)]
    card, terminal = Past(data.card, data.time), Past(data.terminal, data.time)
    for days in DAYS:
        count, spent = card.sums(days, [np.ones(len(data)), data.amount], windows)
        columns += [count, spent / count]
    for days in DAYS:
        values = [np.ones(len(data)), data.fraud.astype(np.float64)]
        count, frauds = terminal.sums(days, values, windows, delay)
        columns += [count, frauds / np.maximum(count, 1)]
    return np.stack(columns, axis=1)


class Past:
    """Sums over the past of each card, or each terminal.

    Args:
        entity: Number of the card or terminal of each row.
        time: Of each row, in seconds, ascending.
    """

    def __init__(self, entity: Ints, time: Ints) -> None:
        self._span = int(time.max(initial=0)) + 1
        self._time = time
        self._first = entity * (3 * self._span) + self._span
        key = self._first + time
        self._order = np.argsort(key, kind="stable")
        self._key = key[self._order]

    def sums(
        self, days: int, values: list[Floats], windows: Windows = "exact", delay: int = 0
    ) -> list[Floats]:
        """For each row and each of `values`, the sum over (t - delay - days, t - delay].

        Without a delay the row itself is the last of its sum, whatever else has its second.
        """
        end = self._time - delay
        start = end - days * DAY if windows == "exact" else (end // DAY - days) * DAY - 1
        start, end = np.maximum(start, -self._span), np.maximum(end, -self._span)
        before = np.searchsorted(self._key, self._first + start, side="right")
        until = np.searchsorted(self._key, self._first + end, side="right")
        if delay == 0:
            until[self._order] = np.arange(1, len(until) + 1)
        return [self._sum(value, before, until) for value in values]

    def _sum(self, value: Floats, before: Ints, until: Ints) -> Floats:
        running = np.concatenate([[0.0], np.cumsum(value[self._order])])
        difference: Floats = running[until] - running[before]
        return difference
