"""What a fraud model is worth: how it ranks, the cards it finds within a budget, and the money.

Le Borgne et al. (2022), chapters 4 and 5. Reviewers look at the `k` cards with the highest
scores of a day; a card that they have found to be compromised is blocked, and needs no more looks.
"""

import math
from dataclasses import dataclass

import numpy as np

from app.fraud.transactions import DAY, Bools, Floats, Ints, Transactions
from learners.metrics import average_precision, roc_auc

K = 100
FEE = 1.0


@dataclass(frozen=True)
class Verdict:
    """How good a model was over some days.

    Attributes:
        auc: Area under the ROC curve, over transactions.
        average_precision: Over transactions.
        card_precision: CP@k: the share of compromised cards among the k cards of a day, as a
            mean over the days.
        saved: Money: the frauds of the compromised cards that were looked at, on that day and
            all later ones, less the fee of every look.
        lost: Money: all the other frauds.
    """

    auc: float
    average_precision: float
    card_precision: float
    saved: float
    lost: float


def evaluate(data: Transactions, score: Floats, k: int = K, fee: float = FEE) -> Verdict:
    """Hold the scores of transactions against what they were.

    Args:
        data: In the order of time.
        score: One for each row; the higher, the more it looks like fraud.
        k: Cards that reviewers look at, a day.
        fee: Money that a look costs.
    """
    days = work(data, score, k)
    stopped = _stopped(data, days)
    fees = fee * sum(day.looks for day in days)
    return Verdict(
        roc_auc(data.fraud.tolist(), score),
        average_precision(data.fraud.tolist(), score),
        float(np.mean([len(day.found) / k for day in days])) if days else math.nan,
        float(data.amount[data.fraud & stopped].sum()) - fees,
        float(data.amount[data.fraud & ~stopped].sum()),
    )


@dataclass(frozen=True)
class DayOfWork:
    """A day of the reviewers: how many cards they looked at, and which were compromised."""

    day: int
    looks: int
    found: frozenset[int]


def work(data: Transactions, score: Floats, k: int = K) -> list[DayOfWork]:
    """What reviewers of `k` cards a day find, on each day that has transactions.

    A card's score is that of its highest transaction of the day. Where cards are level, the one
    with the lower number is first.
    """
    found: set[int] = set()
    days = []
    for day in np.unique(data.day).tolist():
        rows = (data.day == day) & ~np.isin(data.card, list(found))
        cards, highest, compromised = _cards(data.card[rows], score[rows], data.fraud[rows])
        top = np.argsort(-highest, kind="stable")[:k]
        detected = frozenset(cards[top][compromised[top]].tolist())
        days.append(DayOfWork(day, len(top), detected))
        found |= detected
    return days


def ceiling(data: Transactions, k: int = K) -> float:
    """The CP@k of reviewers who know the truth."""
    return evaluate(data, data.fraud.astype(np.float64), k).card_precision


def _cards(card: Ints, score: Floats, fraud: Bools) -> tuple[Ints, Floats, Bools]:
    cards, number = np.unique(card, return_inverse=True)
    highest = np.full(len(cards), -np.inf)
    np.maximum.at(highest, number, score)
    return cards, highest, np.bincount(number, fraud, len(cards)) > 0


def _stopped(data: Transactions, days: list[DayOfWork]) -> Bools:
    stopped = np.zeros(len(data), np.bool_)
    for day in days:
        stopped |= np.isin(data.card, list(day.found)) & (data.time >= day.day * DAY)
    return stopped
