"""Texts that a step takes for categories, though they hardly ever come twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from app.pipeline.load import Pipeline

STEPS = ("one_hot", "feature_hashing")
FEW = 100
"""So many rows say nothing yet."""
REMEMBERED = 20_000
"""So many rows are looked at."""


class Categories:
    """Counts the values of the texts that a step of a pipeline takes as they are.

    Args:
        pipeline: Has the steps.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        events = pipeline.events
        self._steps = [table for table in pipeline.learner.tables if table["type"] in STEPS]
        self._never = {events.id, events.key, events.label}
        self._declared = events.features
        self._values: dict[str, set[str]] = defaultdict(set)
        self._rows = Counter[str]()

    def add(self, fields: Mapping[str, Any]) -> None:
        """Look at the fields of one row."""
        if not self._steps:
            return
        for name, value in fields.items():
            if type(value) is str and self._rows[name] < REMEMBERED and self._step(name):
                self._rows[name] += 1
                self._values[name].add(value)

    def remarks(self) -> Iterator[str]:
        """A line for each field of which more than half of the values are new."""
        for name, rows in self._rows.items():
            values = len(self._values[name])
            if rows >= FEW and values > rows / 2:
                yield (
                    f'"{name}" has {values:,} values in {rows:,} rows: the step'
                    f" {self._step(name)} takes each for a category of its own, and learns next to"
                    " nothing from them. Take the step words for texts; an id is no feature"
                )

    def _step(self, name: str) -> str | None:
        """The step that takes the texts of a field."""
        if name in self._never or (self._declared is not None and name not in self._declared):
            return None
        taking = (t for t in self._steps if t.get("features") is None or name in t["features"])
        return next((str(table["type"]) for table in taking), None)
