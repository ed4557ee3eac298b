"""A row that counts for several is learned that often, and is still one event."""

from __future__ import annotations

from typing import Any

import pytest

from learners import create
from learners.base import UNLABELLED
from learners.checks import data
from learners.engine.rows import Rows
from learners.model import Model
from learners.saved.fingerprint import fingerprint

LEARNERS: list[tuple[str, dict[str, Any]]] = [
    ("arow", {}),
    ("k_means", {"n_clusters": 3, "buffer": 20}),
    ("linear_regression", {}),
    ("logistic_regression", {"optimizer": "ftrl"}),
    ("mini_batch_k_means", {"n_clusters": 3, "batch_size": 20}),
    ("one_vs_rest", {"learner": {"type": "arow"}}),
    ("passive_aggressive", {"C": 0.01}),
    ("passive_aggressive_multiclass", {"C": 0.01}),
    ("passive_aggressive_regressor", {"C": 0.01}),
    ("soft_confidence_weighted", {"C": 0.1}),
    ("svm", {"mode": "sgd"}),
    ("svm", {"mode": "pegasos"}),
    ("river.tree.HoeffdingTreeClassifier", {"grace_period": 20}),
]


@pytest.mark.parametrize(("name", "params"), LEARNERS)
def test_times_are_as_many_calls_of_learn_one(name: str, params: dict[str, Any]) -> None:
    batch, single = create(name, params), create(name, params)
    events = data.coming_and_going(batch.task, 150)
    times = [1 + i * i % 4 for i in range(len(events))]
    found = _run(batch, events, times)
    expected = []
    for (x, y), n in zip(events, times, strict=True):
        expected.append(single.predict_one(x))
        for _ in range(n):
            single.estimator.learn_one(x, single.check_label(y))
    assert found == expected
    assert fingerprint(batch.estimator.state()) == fingerprint(single.estimator.state())
    assert batch.learned == len(events)


@pytest.mark.parametrize("drift", [None, {"detector": "adwin", "reaction": "swap"}])
@pytest.mark.parametrize("name", ["arow", "river.linear_model.ALMAClassifier"])
def test_what_stands_before_a_learner_sees_a_row_once(name: str, drift: Any) -> None:
    steps = [{"type": "scale"}]
    once, often = create(name, {}, False, drift, steps), create(name, {}, False, drift, steps)
    events = data.steady("binary", 100)
    _run(once, events, [1] * len(events))
    _run(often, events, [3] * len(events))
    before, after = _behind(once), _behind(often)
    assert fingerprint(before["steps"]) == fingerprint(after["steps"])
    assert fingerprint(before["learner"]) != fingerprint(after["learner"])


def test_a_row_without_a_label_is_never_learned() -> None:
    model = create("arow")
    new = model.fingerprint()
    model.run(Rows.from_dicts([{"a": 1.0}]), [UNLABELLED], times=[5])
    assert model.fingerprint() == new


def _run(model: Model, events: list[data.Event], times: list[int]) -> list[Any]:
    xs = [x for x, _ in events]
    labels = [model.check_label(y) for _, y in events]
    rows = Rows.from_dicts(xs) if model.batched else xs
    return model.run(rows, labels, times=times).predictions


def _behind(model: Model) -> Any:
    state = model.estimator.state()
    return state["learner"] if model.spec.drift else state
