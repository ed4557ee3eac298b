"""The numbers of a moment, and those of the last minutes as lines that move."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from app.demo.ledger import Ledger

COLUMN_SECONDS = 0.5
RATE_SECONDS = 2.0
_LATENCIES = 5_000
_COLUMNS = 600


class Figures(NamedTuple):
    """The numbers of a moment.

    Attributes:
        seconds: Since the end of the history.
        sent: Payments handed to Kafka.
        labels: As `sent`, labels.
        predictions: Read.
        sent_rate: Payments a second, over the last 2 seconds.
        lag: Payments sent, but not answered yet.
        oldest: Seconds that the oldest of them has waited.
        waiting: Payments whose label was not sent yet.
        p50: Median of the latency of the last 5,000 answers, in seconds; nan without any.
        p99: As `p50`, the 99th percentile.
        commits: Transactions.
        dead_letters: Read.
    """

    seconds: float
    sent: int
    labels: int
    predictions: int
    sent_rate: float
    lag: int
    oldest: float
    waiting: int
    p50: float
    p99: float
    commits: int
    dead_letters: int


class History(NamedTuple):
    """A value for each half second, the oldest first."""

    predicted: Sequence[float]
    lag: Sequence[float]


class Sample(NamedTuple):
    """What was counted at a moment."""

    seconds: float
    sent: int
    predictions: int


class Meter:
    """Looks at the ledger a few times a second.

    Args:
        ledger: Of the run.
        started: When the stream began, by the ledger's clock.
    """

    def __init__(self, ledger: Ledger, started: float) -> None:
        self._ledger = ledger
        self._started = started
        first = Sample(0.0, ledger.sent, ledger.predictions)
        self._samples: deque[Sample] = deque([first])
        self._column = first
        self._predicted: deque[float] = deque(maxlen=_COLUMNS)
        self._lag: deque[float] = deque(maxlen=_COLUMNS)

    @property
    def history(self) -> History:
        """What came before this moment."""
        return History(tuple(self._predicted), tuple(self._lag))

    def look(self, commits: int) -> Figures:
        """The numbers of now."""
        ledger = self._ledger
        now = Sample(ledger.clock() - self._started, ledger.sent, ledger.predictions)
        lag = max(0, ledger.sent - ledger.answered)
        self._remember(now, lag)
        since = self._samples[0]
        p50, p99 = percentiles(ledger.latencies(_LATENCIES).seconds)
        return Figures(
            seconds=now.seconds,
            sent=now.sent,
            labels=ledger.labels,
            predictions=now.predictions,
            sent_rate=_rate(since.sent, now.sent, since, now),
            lag=lag,
            oldest=ledger.oldest(),
            waiting=now.sent - ledger.labels,
            p50=p50,
            p99=p99,
            commits=commits,
            dead_letters=ledger.dead_letters,
        )

    def _remember(self, now: Sample, lag: int) -> None:
        self._samples.append(now)
        while len(self._samples) > 2 and now.seconds - self._samples[1].seconds >= RATE_SECONDS:
            self._samples.popleft()
        if now.seconds - self._column.seconds >= COLUMN_SECONDS:
            before, self._column = self._column, now
            self._predicted.append(_rate(before.predictions, now.predictions, before, now))
            self._lag.append(lag)


def percentiles(latencies: Sequence[float]) -> tuple[float, float]:
    """The median and the 99th percentile; nan without any."""
    if not len(latencies):
        return math.nan, math.nan
    p50, p99 = np.percentile(np.asarray(latencies, dtype=np.float64), (50, 99))
    return float(p50), float(p99)


def _rate(before: int, after: int, since: Sample, now: Sample) -> float:
    return (after - before) / max(now.seconds - since.seconds, 1e-9)
