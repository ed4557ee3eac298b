"""The handbook's protocol: a week to learn from, a week for the labels to come, a week of test."""

from dataclasses import dataclass

import numpy as np

from app.fraud.transactions import Transactions

TRAIN_DAY = 115
"""2018-07-25, where the published table begins to learn."""
WEEK = 7


@dataclass(frozen=True)
class Split:
    """The rows of a history that are learned from, and those that are tested."""

    train: Transactions
    test: Transactions


def split(data: Transactions, first: int = TRAIN_DAY) -> Split:
    """Train on the week from day `first`, test on the one from a fortnight later.

    The cards that are known as compromised are left out of the test: those with a fraud in the
    week of training, and on each day of the test those with a fraud in the days since that are
    more than a week ago, whose labels have come.
    """
    train, test = data.days(first, WEEK), data.days(first + 2 * WEEK, WEEK)
    kept = np.ones(len(test), np.bool_)
    for day in range(first + 2 * WEEK, first + 3 * WEEK):
        labelled = data.days(first, day - WEEK - first)
        known = labelled.card[labelled.fraud]
        kept &= (test.day != day) | ~np.isin(test.card, known)
    return Split(train, test.where(kept))
