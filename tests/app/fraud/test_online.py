"""What is computed of one event equals what is computed of a whole history."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from agents.evaluation.baselines import RuleBaseline
from app.fraud.features import NAMES, features
from app.fraud.online import calendar, rule
from app.fraud.rule import hand_rule
from app.fraud.transactions import EPOCH, Transactions
from tests.agents.one_by_one import Event, batch, enrich

ONLINE = {
    "amount": "amount",
    "card_mean_30d": "card_mean_amount_30d",
    "terminal_risk_7d": "terminal_mean_fraud_7d",
}


def test_weekends_and_nights_are_those_of_the_history(small: Transactions) -> None:
    rows = features(small)[:, [NAMES.index("weekend"), NAMES.index("night")]]
    found = np.stack(list(calendar({"time": EPOCH + small.time.astype(np.float64)}).values()), 1)
    assert found.tolist() == rows.tolist()
    assert 0 < rows.mean(axis=0).min() <= rows.mean(axis=0).max() < 0.5


def test_the_rule_of_the_stream_is_that_of_the_history(small: Transactions) -> None:
    rows = features(small, "daily")
    columns = {ours: rows[:, NAMES.index(name)] for name, ours in ONLINE.items()}
    np.testing.assert_allclose(rule(columns), hand_rule(rows), rtol=1e-12)


def of_one(event: Mapping[str, Any]) -> tuple[float, float, float]:
    """The calendar and the rule, written for one event."""
    days, second = divmod(event["time"], 86_400)
    amount, mean = float(event["amount"]), float(event["card_mean_amount_30d"])
    risk, times = float(event["terminal_mean_fraud_7d"]), amount / max(mean, 0.01)
    score = risk + (times / 4) ** 3 + (amount / 400) ** 3
    return float((days + 3) % 7 >= 5), float(second // 3600 <= 6), score


def test_columns_give_the_bits_that_one_event_after_another_gives(small: Transactions) -> None:
    rows = features(small, "daily")
    columns = {ours: rows[:, NAMES.index(name)] for name, ours in ONLINE.items()}
    columns["time"] = EPOCH + small.time.astype(np.float64)
    events = [dict(zip(columns, row, strict=True)) for row in np.stack(list(columns.values()), 1)]
    wanted = np.array([of_one({k: v.item() for k, v in event.items()}) for event in events])
    found = np.stack([*calendar(columns).values(), rule(columns)], 1)
    assert found.tobytes() == wanted.tobytes()


def test_a_pipeline_finds_both_by_their_names() -> None:
    fields = enrich(["app.fraud.online:calendar"], {"time": EPOCH + 7 * 3600})
    assert fields == {"time": EPOCH + 7 * 3600, "weekend": 1.0, "night": 0.0}
    event = {"amount": 400.0, "card_mean_amount_30d": 100.0, "terminal_mean_fraud_7d": 0.5}
    assert scores([event]) == [pytest.approx(2.5)]


def scores(events: list[dict[str, float]]) -> list[float | None]:
    """What the rule of a pipeline says of events."""
    nothing: Any = None
    operations = batch([Event(None, 0, fields, None, nothing) for fields in events])
    return RuleBaseline("app.fraud.online:rule").scores(operations, np.arange(len(events)))
