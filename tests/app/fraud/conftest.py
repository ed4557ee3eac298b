"""The handbook's simulation, made once, and a small one."""

import numpy as np
import pytest

from app.fraud.features import features
from app.fraud.handbook import Size, simulate, spending
from app.fraud.handbook_frauds import MARKS
from app.fraud.transactions import Floats, Transactions


@pytest.fixture(scope="session")
def handbook_in_steps() -> tuple[Transactions, list[int]]:
    """All 1,754,155 transactions (10 s), and how many frauds each scenario added."""
    size = Size()
    data, added = spending(size), [0]
    for mark in MARKS:
        mark(data, size.cards, size.terminals, size.days)
        added.append(int(data.fraud.sum()))
    return data, np.diff(added).tolist()


@pytest.fixture(scope="session")
def handbook(handbook_in_steps: tuple[Transactions, list[int]]) -> Transactions:
    """All transactions."""
    return handbook_in_steps[0]


@pytest.fixture(scope="session")
def handbook_features(handbook: Transactions) -> Floats:
    """Their 15 features over exact windows; 10 s."""
    return features(handbook)


@pytest.fixture(scope="session")
def small() -> Transactions:
    """Few cards and few terminals, so that each is met often."""
    return simulate(Size(cards=60, terminals=400, days=60))
