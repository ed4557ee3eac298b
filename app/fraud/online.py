"""What fraud pipelines add to events: their place in the calendar, and the hand rule."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from agents.events.functions import takes_columns
from app.fraud.rule import terms
from app.fraud.transactions import DAY, Floats

_THURSDAY = 3
HAND_RULE = "hand_rule"
"""The feature that `with_rule` adds."""
RULE_TERMS = {
    "terminal_mean_fraud_7d": "hand_rule_terminal",
    "card_ratio_amount_90d": "hand_rule_ratio",
    "amount": "hand_rule_amount",
}
"""What the terms of the rule look at, and the features that `with_rule` adds for them."""
_HIGHEST = 1e6
_OF_THE_RULE = ("terminal_mean_fraud_7d", "amount", "card_mean_amount_30d")


@takes_columns
def calendar(events: Mapping[str, Any]) -> Mapping[str, Floats]:
    """Whether payments are at the weekend, and whether at night; as in `app.fraud.features`.

    Args:
        events: With their `time`, in seconds since 1970.

    >>> calendar({"time": np.array([1_522_540_800.0])})  # 2018-04-01 00:00 UTC, a Sunday
    {'weekend': array([1.]), 'night': array([1.])}
    """
    days, second = np.divmod(events["time"], DAY)
    weekday = (days + _THURSDAY) % 7
    return {
        "weekend": (weekday >= 5).astype(np.float64),
        "night": (second // 3600 <= 6).astype(np.float64),
    }


@takes_columns
def rule(events: Mapping[str, Any]) -> Floats:
    """The hand rule over the features of `pipelines/fraud.toml`; see `app.fraud.rule`."""
    first, second, third = _terms(events)
    total: Floats = first + second + third
    return total


def _terms(events: Mapping[str, Any]) -> Floats:
    """Of each event; shape (3, events)."""
    columns = [events[name].tolist() for name in _OF_THE_RULE]
    # Python's own power, whose bits do not depend on what the processor has for arrays.
    rows = [
        terms(risk, amount, amount / max(mean, 0.01))
        for risk, amount, mean in zip(*columns, strict=True)
    ]
    return np.array(rows, np.float64).reshape(-1, 3).T


@takes_columns
def with_rule(events: Mapping[str, Any]) -> Mapping[str, Floats]:
    """The hand rule as a probability, for `[learner.rule]`: its odds are the score squared.

    Each term of the rule counts 1 when it is there: that is even odds. The terms are features
    too, see `RULE_TERMS`.

    >>> card = {"amount": np.array([40.0, 400.0]), "card_mean_amount_30d": np.array([40.0, 100.0])}
    >>> terminal = {"terminal_mean_fraud_7d": np.array([0.0, 1.0])}
    >>> made = with_rule(card | terminal)
    >>> made["hand_rule"].round(4).tolist(), made["hand_rule_ratio"].round(4).tolist()
    ([0.0003, 0.9], [0.0156, 1.0])
    """
    each = _terms(events)
    odds = np.minimum(each[0] + each[1] + each[2], _HIGHEST) ** 2
    return {HAND_RULE: odds / (1.0 + odds), **dict(zip(RULE_TERMS.values(), each, strict=True))}
