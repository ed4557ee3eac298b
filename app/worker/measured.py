"""All that a worker measured, put together for the page's process."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app.worker.measures import RESTORES, Histogram
from app.worker.output.committer import Committer
from app.worker.processor import Counters


class Measured:
    """What a worker measured since it started.

    Args:
        counters: Of all that was processed.
        committer: Has the assignment of this moment, and times the commits.

    Attributes:
        restores: Seconds that the restores of whole assignments took.
    """

    def __init__(self, counters: Counters, committer: Committer) -> None:
        self._counters = counters
        self._committer = committer
        self.restores = Histogram(RESTORES)

    def said(self) -> dict[str, Any]:
        """As JSON; what is measured for each partition is by its number."""
        counters = self._counters
        return {
            "records": counters.events,
            "predictions": counters.predictions,
            "learned": counters.learned,
            "last_learned": counters.last_learned,
            "rejected": dict(counters.rejected.by_stage),
            "latency": self._committer.latency.said(),
            "commits": self._committer.histogram.said(),
            "restores": self.restores.said(),
            "models": self._models(),
            "labels": self._labels(),
        }

    def _models(self) -> dict[int, dict[str, int | None]]:
        return {
            tp.partition: {"version": model.learned, "drifts": model.drifts}
            for tp, task in self._committer.assignment.tasks.items()
            if (model := task.agent.model) is not None
        }

    def _labels(self) -> dict[int, dict[str, int]]:
        return {
            tp.partition: asdict(counts)
            for tp, task in self._committer.assignment.tasks.items()
            if (counts := task.agent.labels) is not None
        }
