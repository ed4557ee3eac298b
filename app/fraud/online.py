"""What the fraud pipeline adds to one event: its place in the calendar, and the hand rule."""

from collections.abc import Mapping
from typing import Any

from app.fraud.rule import three_terms
from app.fraud.transactions import DAY

_THURSDAY = 3


def calendar(event: Mapping[str, Any]) -> Mapping[str, float]:
    """Whether a payment is at the weekend, and whether at night; as in `app.fraud.features`.

    Args:
        event: With its `time`, in seconds since 1970.

    >>> calendar({"time": 1_522_540_800})  # 2018-04-01 00:00 UTC, a Sunday
    {'weekend': 1.0, 'night': 1.0}
    """
    days, second = divmod(event["time"], DAY)
    weekday = (days + _THURSDAY) % 7
    return {"weekend": float(weekday >= 5), "night": float(second // 3600 <= 6)}


def rule(event: Mapping[str, Any]) -> float:
    """The hand rule over the features of `pipelines/fraud.toml`; see `app.fraud.rule`."""
    risk, amount = float(event["terminal_mean_fraud_7d"]), float(event["amount"])
    return three_terms(risk, amount, amount / max(float(event["card_mean_amount_30d"]), 0.01))
