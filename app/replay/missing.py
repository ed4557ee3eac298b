"""Fields that every row must have, and that no row has: a misspelt name."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.pipeline.load import Pipeline
from app.replay.base import Event, named


@dataclass
class Missing:
    """A field that no row of a kind has had yet.

    Attributes:
        setting, name: What names it in the pipeline file, and how.
        rows: That were looked at.
        first: The place of the first one.
        has: The fields of the first one.
    """

    setting: str
    name: str
    rows: int = 0
    first: str = ""
    has: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        close = difflib.get_close_matches(self.name, self.has, n=1)
        meant = f' (did you mean "{close[0]}"?)' if close else ""
        no = "no row has" if self.rows == 1 else f"none of {self.rows:,} rows has"
        return (
            f'{self.first}: {self.setting} = "{self.name}": {no} this field{meant}; the first has'
            f" {named(self.has)}. Without it each becomes a dead letter"
        )


class MissingIds:
    """Looks for the ids of events and labels until one row has them.

    Args:
        pipeline: Says where ids are.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        events, labels = pipeline.events, pipeline.labels
        self._missing: dict[str, Missing] = {}
        if events.id is not None:
            self._missing["event"] = Missing("events.id", events.id)
        if labels is not None:
            self._missing["label"] = Missing("labels.id", labels.id)

    def add(self, where: str, event: Event) -> None:
        """Look at one row."""
        missing = self._missing.get(event.kind)
        if missing is None:
            return
        if missing.name in event.fields:
            del self._missing[event.kind]
            return
        missing.rows += 1
        if missing.rows == 1:
            missing.first, missing.has = where, list(event.fields)

    def remarks(self) -> Iterator[str]:
        """A line for each that no row has; every row without it becomes a dead letter."""
        return (str(missing) for missing in self._missing.values() if missing.rows)
