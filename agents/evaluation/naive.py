"""How good no model would be in a window: the yardsticks of all others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from agents.evaluation.figures import Known, evaluate_scores, has_bools
from learners import metrics
from learners.base import Task
from topics.metrics import BaselineMetrics


def evaluate_naive(task: Task, known: Known) -> dict[str, BaselineMetrics | None]:
    """The metrics of the last label and of all labels so far, of the events of a window.

    The labels count as if each were known at once, so nothing of it has to be kept. What ranks
    events, or is money, is left out.
    """
    if task == "clustering" or not len(known):
        return {}
    labels = known.labels
    if task == "multiclass":
        said: dict[str, Any] = {"last_label": [None, *labels[:-1]], "so_far": _majority(labels)}
    else:
        before, counts = labels[:-1], np.arange(1, len(labels))
        said = {
            "last_label": np.concatenate(([np.nan], before)),
            "so_far": np.concatenate(([np.nan], np.cumsum(before) / counts)),
        }
    return {name: _evaluated(task, known, name, column) for name, column in said.items()}


def _evaluated(task: Task, known: Known, name: str, said: Any) -> BaselineMetrics | None:
    if not has_bools(task):
        alone = replace(known, said={name: said})
        return evaluate_scores(task, alone, name, 0, 0.0, frozenset())[0]
    # What is the same for all events ranks none of them, and its calibration says nothing.
    there = ~np.isnan(said)
    if not there.any():
        return None
    loss = metrics.log_loss(known.labels[there], said[there]) if task == "binary" else None
    return BaselineMetrics(int(there.sum()), log_loss=loss)


def _majority(labels: Sequence[Any]) -> list[Any]:
    """The most frequent class before each event, of level ones the one that was first so."""
    counts, most = Counter[Any](), None
    found: list[Any] = []
    for label in labels:
        found.append(most)
        counts[label] += 1
        if most is None or counts[label] > counts[most]:
            most = label
    return found
