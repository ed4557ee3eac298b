"""The hand rule: what reviewers without a model would rank by."""

from typing import TypeVar

from app.fraud.features import NAMES
from app.fraud.transactions import Floats

Number = TypeVar("Number", float, Floats)


def hand_rule(rows: Floats) -> Floats:
    """A score for each row of `features`.

    Three terms: the share of frauds at the terminal in the last week that is known, and how far
    the amount goes beyond 4 means of the card, and beyond 400; each counts 1 when it is there.
    """
    column = dict(zip(NAMES, rows.T, strict=True))
    amount, mean = column["amount"], column["card_mean_30d"]
    first, second, third = terms(column["terminal_risk_7d"], amount, amount / mean.clip(min=0.01))
    score: Floats = first + second + third
    return score


def terms(risk: Number, amount: Number, times: Number) -> tuple[Number, Number, Number]:
    """The three terms: `times` is how many means of the card the amount is."""
    return risk, (times / 4) ** 3, (amount / 400) ** 3
