"""The numbers of a moment, and those of the last minutes as lines that move."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from app.demo.ledger import Ledger
from learners import metrics

WINDOW = 10_000
"""Events. The live metrics are exact over so many, the last ones."""
COLUMN_SECONDS = 0.5
RATE_SECONDS = 2.0
_LATENCIES = 5_000
_COLUMNS = 600


class Figures(NamedTuple):
    """The numbers of a moment.

    Attributes:
        seconds: Since the first event.
        sent: Events handed to Kafka.
        predictions: Read.
        sent_rate: Events a second, over the last 2 seconds.
        predicted_rate: As `sent_rate`.
        lag: Events sent, but not answered yet.
        oldest: Seconds that the oldest of them has waited.
        learned: Events.
        roc_auc: Over the last `WINDOW` predictions; nan where it is not defined.
        log_loss: As `roc_auc`.
        p50: Median of the latency of the last 5,000 answers, in seconds; nan without any.
        p99: As `p50`, the 99th percentile.
        commits: Transactions.
        dead_letters: Read.
        passes: How often the source was begun: from 2 on the models know its events.
    """

    seconds: float
    sent: int
    predictions: int
    sent_rate: float
    predicted_rate: float
    lag: int
    oldest: float
    learned: int
    roc_auc: float
    log_loss: float
    p50: float
    p99: float
    commits: int
    dead_letters: int
    passes: int


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
        started: When the first event was sent, by the ledger's clock.
    """

    def __init__(self, ledger: Ledger, started: float) -> None:
        self._ledger = ledger
        self._started = started
        self._samples: deque[Sample] = deque([Sample(0.0, 0, 0)])
        self._column = Sample(0.0, 0, 0)
        self._predicted: deque[float] = deque(maxlen=_COLUMNS)
        self._lag: deque[float] = deque(maxlen=_COLUMNS)

    @property
    def history(self) -> History:
        """What came before this moment."""
        return History(tuple(self._predicted), tuple(self._lag))

    def look(self, commits: int, passes: int) -> Figures:
        """The numbers of now."""
        ledger = self._ledger
        now = Sample(ledger.clock() - self._started, ledger.sent, ledger.predictions)
        lag = max(0, ledger.sent - ledger.answered)
        self._remember(now, lag)
        answers = ledger.answers(WINDOW)
        p50, p99 = percentiles(answers.latencies[-_LATENCIES:])
        return Figures(
            seconds=now.seconds,
            sent=now.sent,
            predictions=now.predictions,
            sent_rate=_rate(self._samples[0].sent, now.sent, self._samples[0], now),
            predicted_rate=_rate(
                self._samples[0].predictions, now.predictions, self._samples[0], now
            ),
            lag=lag,
            oldest=ledger.oldest(),
            learned=ledger.learned,
            roc_auc=metrics.roc_auc(answers.truths, answers.scores),
            log_loss=metrics.log_loss(answers.truths, answers.scores),
            p50=p50,
            p99=p99,
            commits=commits,
            dead_letters=ledger.dead_letters,
            passes=passes,
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
