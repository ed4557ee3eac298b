"""The windows of a metrics topic, those of all partitions together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agents.evaluation.figures import RIVALS
from topics.metrics import BaselineMetrics, WindowMetrics

MAX_WINDOWS = 200
DIGITS = 5

Weight = Callable[[WindowMetrics, BaselineMetrics], float]


def _positives(window: WindowMetrics, said: BaselineMetrics) -> float:
    return said.scored if window.positives is None else window.positives


def _places(window: WindowMetrics, said: BaselineMetrics) -> float:
    return window.k


def _scored(window: WindowMetrics, said: BaselineMetrics) -> float:
    return said.scored


MEANS: Mapping[str, Weight] = {
    "average_precision": _positives,
    "roc_auc": _positives,
    "card_precision_at_k": _places,
    "precision_at_k": _places,
    "accuracy": _scored,
    "macro_f1": _scored,
    "mae": _scored,
    "rmse": _scored,
}
"""What is averaged over partitions, with the weight of each; money is added up."""


class Windows:
    """The latest windows; a later record of a window and partition takes the earlier's place."""

    def __init__(self) -> None:
        self._parts: dict[int, dict[int, WindowMetrics]] = {}
        self._changed: dict[int, int] = {}

    def add(self, record: WindowMetrics, version: int) -> None:
        """Take a record; the oldest window goes where there are too many."""
        self._parts.setdefault(record.start, {})[record.partition] = record
        self._changed[record.start] = version
        if len(self._parts) > MAX_WINDOWS:
            oldest = min(self._parts)
            del self._parts[oldest], self._changed[oldest]

    def since(self, version: int) -> list[dict[str, Any]]:
        """The windows that have changed after `version`, in order."""
        changed = sorted(start for start, when in self._changed.items() if when > version)
        return [together(list(self._parts[start].values())) for start in changed]


def together(parts: Sequence[WindowMetrics]) -> dict[str, Any]:
    """One window of all partitions: counts and money added up, the other figures averaged.

    Averages are weighted: what ranks by the positives, what fills k places by k, the rest by the
    events that have a label. They are near what one ranking over all partitions would give, not
    the same.

    Args:
        parts: Records of one window, each of another partition; at least one.
    """
    said: dict[str, Any] = {
        "start": parts[0].start,
        "end": parts[0].end,
        "final": all(part.final for part in parts),
        "events": sum(part.events for part in parts),
        "labelled": sum(part.labelled for part in parts),
        "positives": sum(part.positives or 0 for part in parts),
        "alerts": sum(part.alerts for part in parts),
        "k": sum(part.k for part in parts),
    }
    for rival in RIVALS:
        pairs = [(part, metrics) for part in parts if (metrics := getattr(part, rival)) is not None]
        if pairs:
            said[rival] = _rival(pairs)
    return said


def _rival(pairs: Sequence[tuple[WindowMetrics, BaselineMetrics]]) -> dict[str, float]:
    figures = {}
    for name, weight in MEANS.items():
        known = [
            (value, weight(window, metrics))
            for window, metrics in pairs
            if (value := getattr(metrics, name)) is not None
        ]
        total = sum(w for _, w in known)
        if total > 0:
            figures[name] = round(sum(value * w for value, w in known) / total, DIGITS)
    money = [metrics.saved for _, metrics in pairs if metrics.saved is not None]
    if money:
        figures["saved"] = round(sum(money), 2)
    return figures
