"""How fast the learners are alone: microseconds to predict and learn an event, no Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from learners import registry
from learners.engine.rows import Rows
from learners.model import Model

FEATURES = (10, 30, 100, 1_000)
ROUNDS = 7
CELLS = 400_000
"""Numbers in one batch."""

_HINGE = {"loss": {"type": "river.optim.losses.Hinge"}}


@dataclass(frozen=True)
class Counterparts:
    """One of ours, and River's counterpart if it has one; a scaler stands before both."""

    ours: str
    river: str | None
    params: Mapping[str, Any] = field(default_factory=dict)


PAIRS = (
    Counterparts("passive_aggressive", "river.linear_model.PAClassifier"),
    Counterparts("svm", "river.linear_model.LogisticRegression", _HINGE),
    Counterparts("logistic_regression", "river.linear_model.LogisticRegression"),
    Counterparts("arow", None),
    Counterparts("k_means", "river.cluster.KMeans", {"seed": 1}),
)

Events = Sequence[tuple[dict[str, float], Any]]


def run(bootstrap: str = "", *, quick: bool = False) -> Iterator[dict[str, Any]]:
    """A row for each learner and number of features: medians of rounds.

    Args:
        bootstrap: Not used.
        quick: One short round.
    """
    for pair in PAIRS:
        for count in FEATURES[:2] if quick else FEATURES:
            yield measure(pair, count, rounds=1 if quick else ROUNDS)


def measure(pair: Counterparts, features: int, rounds: int) -> dict[str, Any]:
    """One row."""
    names = tuple(f"feature_{i}" for i in range(features))
    matrix = np.random.default_rng(1).normal(size=(max(100, CELLS // features), features))
    rows = Rows(names, matrix)
    labels = (matrix[:, 0] > matrix[:, 1]).tolist()
    few = max(20, 4_000 // features)
    events = list(zip(Rows(names, matrix[:few]).to_dicts(), labels, strict=False))
    rivers = None
    if pair.river is not None:
        made: Any = registry.create(pair.river, pair.params, scale=True).estimator
        rivers = median(_rounds(rounds, _one_by_one(made.wrapped, events)))
    model = registry.create(pair.ours, {}, scale=True)
    batch = median(_rounds(rounds, _in_one(model, rows, labels)))
    single = median(_rounds(rounds, _one_by_one(model, events)))
    return {
        "benchmark": "learners",
        "learner": pair.ours,
        "features": features,
        "batch_us": round(batch, 3),
        "single_us": round(single, 2),
        "river_us": round(rivers, 2) if rivers else None,
        "river_to_batch": round(rivers / batch, 1) if rivers else None,
    }


def _rounds(count: int, work: Callable[[], float]) -> list[float]:
    """Microseconds an event in each round, after one that does not count."""
    work()
    return [work() for _ in range(count)]


def _in_one(model: Model, rows: Rows, labels: Sequence[Any]) -> Callable[[], float]:
    checked = [model.check_label(label) for label in labels]

    def work() -> float:
        started = perf_counter()
        model.run(rows, checked)
        return 1e6 * (perf_counter() - started) / len(checked)

    return work


def _one_by_one(learner: Any, events: Events) -> Callable[[], float]:
    task = getattr(learner, "task", None)
    unsupervised = task == "clustering" or not getattr(learner, "_supervised", True)

    def work() -> float:
        started = perf_counter()
        for x, y in events:
            learner.predict_one(x)
            if unsupervised:
                learner.learn_one(x)
            else:
                learner.learn_one(x, y)
        return 1e6 * (perf_counter() - started) / len(events)

    return work
