"""From what was said and what came true to the metrics of a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from learners import metrics
from learners.base import Task
from learners.engine.kernels import Bools, Floats, Ints
from topics.metrics import AlertMetrics, BaselineMetrics, CalibrationBin

MODEL, FROZEN, RULE = "model", "frozen", "rule"
RIVALS = (MODEL, FROZEN, RULE)
ALERTS = "alerts"
"""Whoever says what to look at: each detects entities of its own."""


@dataclass(slots=True)
class Known:
    """The labelled events of a window, as columns of one length, in the order of events.

    Attributes:
        labels: A list of classes, else an array of numbers, 1 and 0 for bools.
        said: By scorer: classes (None: none), or an array of scores (nan: none).
        entity: A number for each entity, -1 for none; each event has its own without entities.
        names: The entity of each number; None where there are no entities.
        numbers: The number of each entity.
        amount: Money; None where it is not known.
        alert: Which were alerts.
    """

    labels: Any
    said: Mapping[str, Any]
    entity: Ints
    names: Sequence[Any] | None
    numbers: Mapping[Any, int]
    amount: Floats | None
    alert: Bools

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(slots=True)
class Look:
    """What came of looking at some entities in a window.

    Attributes:
        detected: The entities that were found to be positive; none where there are no entities.
        looks: How many were looked at.
        saved: Money of the positives of the entities detected now or before, less the fees.
        lost: Money of all other positives.
    """

    detected: list[Any]
    looks: int
    saved: float | None
    lost: float | None


def has_bools(task: Task) -> bool:
    """Whether the labels of a task are evaluated as positive or negative."""
    return task in ("binary", "anomaly")


def evaluate_scores(
    task: Task, known: Known, scorer: str, k: int, fee: float, before: AbstractSet[Any]
) -> tuple[BaselineMetrics | None, list[Any]]:
    """The metrics of a scorer, and the entities that it detects.

    Args:
        task: Of the learner.
        known: The window.
        scorer: Whose scores.
        k: Places, for transactions and for entities; without any, nothing is defined at k.
        fee: Money that a look costs.
        before: Entities that this scorer detected in earlier windows.
    """
    if task == "multiclass":
        return _of_classes(known, scorer), []
    score = known.said[scorer]
    there = ~np.isnan(score)
    if not there.any():
        return None, []
    label, score, count = known.labels[there], score[there], int(there.sum())
    if task == "regression":
        found = {"mae": metrics.mae(label, score), "rmse": metrics.rmse(label, score)}
        return BaselineMetrics(count, **_defined(found)), []
    if not has_bools(task):
        return BaselineMetrics(count), []
    detected_before = _members(known, before)
    top = _highest(known.entity[there], score, k, detected_before)
    look = look_at(known, top, detected_before, fee)
    ranked = _ranked(label == 1, score, k)
    looks = known.names is not None and k > 0
    entities = {"card_precision_at_k": len(look.detected) / k} if looks else {}
    money = {"saved": look.saved, "lost": look.lost}
    return BaselineMetrics(
        count, **_defined(ranked | entities | money), **_calibration(task, label, score)
    ), look.detected


def evaluate_alerts(
    known: Known, fee: float, before: AbstractSet[Any]
) -> tuple[AlertMetrics, list[Any]]:
    """The metrics of the alerts, and the entities that they detected; see `evaluate_scores`."""
    truth, alert = known.labels == 1, known.alert
    detected_before = _members(known, before)
    alerted = np.unique(known.entity[alert & (known.entity >= 0)])
    look = look_at(known, alerted[~detected_before[alerted]], detected_before, fee)
    hits, named, positives = int((truth & alert).sum()), int(alert.sum()), int(truth.sum())
    return AlertMetrics(
        len(known),
        hits / named if named else None,
        hits / positives if positives else None,
        look.saved,
        look.lost,
    ), look.detected


def look_at(known: Known, looked: Ints, detected_before: Bools, fee: float) -> Look:
    """What comes of looking at the entities of these numbers.

    An entity that was found to be positive is stopped: its positives of the whole window, and of
    all later ones, are saved.
    """
    truth = known.labels == 1
    positive = np.zeros(len(detected_before), np.bool_)
    positive[known.entity[truth & (known.entity >= 0)]] = True
    detected = looked[positive[looked]]
    names = [] if known.names is None else [known.names[i] for i in detected.tolist()]
    if known.amount is None:
        return Look(names, len(looked), None, None)
    stopped = detected_before.copy()
    stopped[detected] = True
    saved = truth & (known.entity >= 0) & stopped[known.entity]
    fees = fee * len(looked)
    lost = float(known.amount[truth & ~saved].sum())
    return Look(names, len(looked), float(known.amount[saved].sum()) - fees, lost)


def _highest(entity: Ints, score: Floats, k: int, leave_out: Bools) -> Ints:
    """The `k` entities with the highest scores; of level ones, the one that came first."""
    rows = np.flatnonzero((entity >= 0) & ~leave_out[entity])
    entity, score = entity[rows], score[rows]
    highest, first = np.full(len(leave_out), -np.inf), np.full(len(leave_out), -1)
    np.maximum.at(highest, entity, score)
    first[entity[::-1]] = np.arange(len(rows))[::-1]
    numbers = np.flatnonzero(first >= 0)
    top: Ints = numbers[np.lexsort((first[numbers], -highest[numbers]))[:k]]
    return top


def _members(known: Known, entities: AbstractSet[Any]) -> Bools:
    """Which numbers are those of `entities`; with a last place, False, for the number -1."""
    count = len(known) if known.names is None else len(known.names)
    members = np.zeros(count + 1, np.bool_)
    members[[known.numbers[name] for name in known.numbers.keys() & entities]] = True
    return members


def _ranked(truth: Bools, score: Floats, k: int) -> dict[str, float]:
    labels: Any = truth
    ranking = metrics.Ranking(labels, score)
    found = {"roc_auc": ranking.roc_auc(), "average_precision": ranking.average_precision()}
    if k == 0:
        return found
    return found | {"precision_at_k": ranking.precision_at(k), "recall_at_k": ranking.recall_at(k)}


def _calibration(task: Task, label: Any, score: Floats) -> dict[str, Any]:
    """Of probabilities: other scores have no calibration and no log loss."""
    if task != "binary" or score.min() < 0 or score.max() > 1:
        return {}
    diagram = metrics.calibration(label, score)
    return {
        "log_loss": metrics.log_loss(label, score),
        "calibration_error": metrics.calibration_error(diagram),
        "calibration": tuple(CalibrationBin(*part) for part in diagram),
    }


def _of_classes(known: Known, scorer: str) -> BaselineMetrics | None:
    pairs = [
        (y, said)
        for y, said in zip(known.labels, known.said[scorer], strict=True)
        if said is not None
    ]
    if not pairs:
        return None
    labels, said = zip(*pairs, strict=True)
    return BaselineMetrics(
        len(pairs),
        accuracy=metrics.accuracy(labels, said),
        macro_f1=metrics.macro_f1(labels, said),
        **_defined(
            {
                "kappa": metrics.kappa(labels, said),
                "kappa_temporal": metrics.kappa_temporal(labels, said, (None, *labels[:-1])),
            }
        ),
    )


def _defined(found: Mapping[str, float | None]) -> dict[str, Any]:
    return {
        name: value if value is not None and isfinite(value) else None
        for name, value in found.items()
    }
