"""What is computed of one event equals what is computed of a whole history."""

import numpy as np
import pytest

from agents.events.functions import load_functions, load_rule
from app.fraud.features import NAMES, features
from app.fraud.online import calendar, rule
from app.fraud.rule import hand_rule
from app.fraud.transactions import EPOCH, Transactions

ONLINE = {
    "amount": "amount",
    "card_mean_30d": "card_mean_amount_30d",
    "terminal_risk_7d": "terminal_mean_fraud_7d",
}


def test_weekends_and_nights_are_those_of_the_history(small: Transactions) -> None:
    rows = features(small)[:, [NAMES.index("weekend"), NAMES.index("night")]]
    found = [list(calendar({"time": EPOCH + time}).values()) for time in small.time.tolist()]
    assert found == rows.tolist()
    assert 0 < rows.mean(axis=0).min() <= rows.mean(axis=0).max() < 0.5


def test_the_rule_of_one_event_is_that_of_the_history(small: Transactions) -> None:
    rows = features(small, "daily")
    columns = [rows[:, NAMES.index(name)].tolist() for name in ONLINE]
    events = [dict(zip(ONLINE.values(), row, strict=True)) for row in zip(*columns, strict=True)]
    np.testing.assert_allclose([rule(event) for event in events], hand_rule(rows), rtol=1e-12)


def test_a_pipeline_finds_both_by_their_names() -> None:
    fields: dict[str, float] = {"time": EPOCH + 7 * 3600}
    load_functions(["app.fraud.online:calendar"])(fields)
    assert fields == {"time": EPOCH + 7 * 3600, "weekend": 1.0, "night": 0.0}
    event = {"amount": 400.0, "card_mean_amount_30d": 100.0, "terminal_mean_fraud_7d": 0.5}
    assert load_rule("app.fraud.online:rule")(event) == pytest.approx(2.5)
