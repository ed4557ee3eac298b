"""Windows over all partitions are judged as the offline judge of the fraud benchmark does."""

from __future__ import annotations

import math
from itertools import islice
from typing import Any

import numpy as np
import pytest

from app.evaluation.verdicts import Verdict, by_window, over_all
from app.fraud.live import LiveParameters, LiveSimulator
from app.fraud.transactions import EPOCH
from app.fraud.yardstick import evaluate
from app.pipeline.streams import Metrics
from learners import metrics

DAY = 86_400_000
SETTINGS = Metrics(topic="m", k=3, entity="card", amount="amount", fee=2.0)


def verdict(time: int, label: Any, score: float | None, **more: Any) -> Verdict:
    """What was said of an event, and what came true."""
    given = {"place": (0, time), "prediction": None, "decision": None, "entity": "c"} | more
    return Verdict(time=time, label=label, score=score, **given)


def test_windows_equal_the_offline_judge_in_whatever_order_partitions_are_read() -> None:
    simulator = LiveSimulator(LiveParameters(cards=60, terminals=20, rate=3, frauds=20))
    verdicts = []
    score = np.random.default_rng(0).uniform(size=5000)
    days = list(islice(simulator, 4))
    data = type(days[0])(
        *(
            np.concatenate([getattr(day, name) for day in days])
            for name in type(days[0]).__dataclass_fields__
        )
    )
    for row in data.rows():
        number, time, card, _, amount, fraud, _ = row
        at, place = (EPOCH + time) * 1000, (card % 3, number)
        one = verdict(at, fraud, score[number], place=place, entity=card, amount=amount)
        verdicts.append(one)
    verdicts.sort(key=lambda one: one.place)
    expected = evaluate(data, score[: len(data)], k=3, fee=2.0)
    windows = by_window("binary", verdicts, SETTINGS)
    assert len(windows) == 4
    found = over_all(windows)
    assert found["card_precision_at_k"] == pytest.approx(expected.card_precision)
    assert found["saved"] == pytest.approx(expected.saved)
    assert found["lost"] == pytest.approx(expected.lost)
    first = data.day == 0
    truth: Any = data.fraud[first]
    assert windows[0].metrics["average_precision"] == metrics.average_precision(
        truth, score[: len(data)][first]
    )
    assert (windows[0].start, windows[0].events) == (EPOCH * 1000, first.sum())


def test_only_labelled_events_are_judged_and_all_are_counted() -> None:
    verdicts = [
        verdict(0, True, 0.9, decision="alert", amount=10.0),
        verdict(1, None, 0.8, decision="alert", amount=70.0),
        verdict(2, False, None, decision="pass"),
        verdict(DAY, None, 0.7),
    ]
    first, second = by_window("binary", verdicts, SETTINGS)
    assert (first.events, first.labelled, first.positives, first.alerts) == (3, 2, 1, 2)
    assert (first.metrics["alert_precision"], first.metrics["alert_saved"]) == (1.0, 8.0)
    assert first.metrics["precision_at_k"] == 1 / 3
    assert (second.events, second.labelled) == (1, 0)
    assert math.isnan(second.metrics["precision_at_k"])
    assert over_all([first, second])["precision_at_k"] == 1 / 3


def test_without_entity_and_amount_there_is_neither_card_precision_nor_money() -> None:
    (window,) = by_window("binary", [verdict(0, True, 0.9)], Metrics(topic="m"))
    assert {"card_precision_at_k", "saved", "lost"} & set(window.metrics) == set()
    assert set(over_all([window])) == {"precision_at_k", "recall_at_k"}


def test_other_tasks_have_metrics_of_their_own() -> None:
    (window,) = by_window("regression", [verdict(0, 1.0, 3.0)], SETTINGS)
    assert (window.metrics, window.positives) == ({"mae": 2.0, "rmse": 2.0}, None)
    classes = [verdict(0, "a", 0.5, prediction="a"), verdict(1, "b", 0.5, prediction="a")]
    (window,) = by_window("multiclass", classes, SETTINGS)
    assert window.metrics["accuracy"] == 0.5
    (window,) = by_window("anomaly", [verdict(0, True, 7.0), verdict(1, False, 9.0)], SETTINGS)
    assert window.metrics["roc_auc"] == 0.0
    assert "log_loss" not in window.metrics
    assert over_all([]) == {}
