"""A model is evaluated offline as the pipeline does: by windows of event time, and over all."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.evaluation.classes import Classes
from agents.evaluation.figures import ALERTS, MODEL, evaluate_alerts, evaluate_scores, has_bools
from agents.evaluation.window import ScoredEvent, Window
from app.pipeline.streams import Metrics
from learners.base import Task

ENTITIES = ("card_precision_at_k",)
MONEY = ("saved", "lost")
SUMS = (*MONEY, "alert_saved", "alert_lost")
CLASSES = (
    "roc_auc",
    "average_precision",
    "log_loss",
    "calibration_error",
    "precision_at_k",
    "recall_at_k",
)
OF_TASK: Mapping[Task, Sequence[str]] = {
    "binary": (*CLASSES, *ENTITIES, *MONEY),
    "anomaly": ("roc_auc", "average_precision", *CLASSES[4:], *ENTITIES, *MONEY),
    "multiclass": ("accuracy", "macro_f1"),
    "regression": ("mae", "rmse"),
    "clustering": (),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A prediction of an event, and the truth.

    Attributes:
        time: Of the event, in milliseconds since 1970.
        place: Its partition and offset.
        prediction, score, decision: Of the prediction.
        label: None where it is not known.
        entity, amount: Of the event.
        known_at: When its label became known, in milliseconds since 1970; None: with the event.
    """

    time: int
    place: tuple[int, int]
    prediction: Any
    score: float | None
    decision: str | None
    label: Any
    entity: Any = None
    amount: Any = None
    known_at: int | None = None


@dataclass(frozen=True)
class WindowFigures:
    """The metrics of a window, over all partitions.

    Attributes:
        start, end: In milliseconds since 1970.
        events: Predicted in it.
        labelled: Those with a label; the metrics are over these.
        positives: Labels that are true; None where labels are no bools.
        alerts: Events that were alerts.
        metrics: By name; nan where one is not defined.
    """

    start: int
    end: int
    events: int
    labelled: int
    positives: int | None
    alerts: int
    metrics: Mapping[str, float]


def by_window(task: Task, verdicts: Iterable[Verdict], settings: Metrics) -> list[WindowFigures]:
    """The metrics of each window that has events, in the order of time.

    What is level is in the order of time, partition and offset. A detected entity is left out of
    all later windows.
    """
    length = round(settings.window * 1000)
    windows: dict[int, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        windows[verdict.time - verdict.time % length].append(verdict)
    before: dict[str, set[Any]] = {MODEL: set(), ALERTS: set()}
    return [
        _figures(task, start, start + length, windows[start], settings, before)
        for start in sorted(windows)
    ]


def over_all(windows: Sequence[WindowFigures]) -> dict[str, float]:
    """What only windows have, over all of them: means, and the sums of money."""
    names = dict.fromkeys(name for window in windows for name in window.metrics)
    found = {}
    for name in names:
        if not (name.endswith("_at_k") or name.startswith("alert_") or name in SUMS):
            continue
        values = [window.metrics.get(name, math.nan) for window in windows if window.labelled]
        known = [value for value in values if not math.isnan(value)]
        total = math.fsum(known)
        found[name] = (total if name in SUMS else total / len(known)) if known else math.nan
    return found


def _figures(
    task: Task,
    start: int,
    end: int,
    verdicts: list[Verdict],
    settings: Metrics,
    before: dict[str, set[Any]],
) -> WindowFigures:
    window = Window(start, Classes() if task == "multiclass" else None)
    ordered = sorted(verdicts, key=lambda verdict: (verdict.time, verdict.place))
    predicted = [v.prediction if task == "multiclass" else v.score for v in ordered]
    window.add(
        [None] * len(ordered),
        ScoredEvent(
            [verdict.entity for verdict in ordered],
            [verdict.amount for verdict in ordered],
            [verdict.decision for verdict in ordered],
            {MODEL: predicted},
        ),
    )
    rows = np.array(
        [row for row, verdict in enumerate(ordered) if verdict.label is not None], np.int64
    )
    window.take_labels(rows, [ordered[row].label for row in rows.tolist()])
    known = window.known(settings.entity is not None, settings.amount is not None)
    scores, detected = evaluate_scores(task, known, MODEL, settings.k, settings.fee, before[MODEL])
    before[MODEL].update(detected)
    found = _named(scores, _names(task, settings))
    if window.decided and has_bools(task):
        alerts, detected = evaluate_alerts(known, settings.fee, before[ALERTS])
        before[ALERTS].update(detected)
        names = ("precision", "recall", *(MONEY if settings.amount else ()))
        found |= _named(alerts, names, "alert_")
    return WindowFigures(
        start=start,
        end=end,
        events=len(window),
        labelled=len(known),
        positives=int((known.labels == 1).sum()) if has_bools(task) else None,
        alerts=window.alerts,
        metrics=found,
    )


def _names(task: Task, settings: Metrics) -> list[str]:
    """The metrics that this task, and this pipeline, has."""
    absent = {*(() if settings.amount else MONEY), *(() if settings.entity else ENTITIES)}
    return [name for name in OF_TASK[task] if name not in absent]


def _named(metrics: Any, names: Sequence[str], prefix: str = "") -> dict[str, float]:
    values = {name: getattr(metrics, name, None) for name in names}
    return {prefix + k: math.nan if v is None else v for k, v in values.items()}
