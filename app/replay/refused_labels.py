"""Labels of a source that the learner does not take."""

from __future__ import annotations

from collections.abc import Iterator

from agents.events.limits import label_check
from app.pipeline.load import Pipeline
from app.pipeline.models import new_model
from app.replay.base import Event


class RefusedLabels:
    """Counts labels that would be dead letters.

    Args:
        pipeline: Has the learner, and says where labels are.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        table = pipeline.labels or pipeline.events
        self._kind, self._field = "label" if pipeline.labels else "event", table.label
        self._check = label_check(new_model(pipeline), table.label_values)
        self._first = ""
        self._count = self._refused = self._rows = 0

    def add(self, where: str, event: Event) -> None:
        """Look at the label of one row."""
        label = event.fields.get(self._field) if self._field else None
        self._rows += event.kind == self._kind
        if event.kind != self._kind or label is None:
            return
        self._count += 1
        try:
            self._check(label)
        except ValueError as error:
            self._refused += 1
            self._first = self._first or f"{where}: {self._field}: {error}"

    def remarks_on_field(self) -> Iterator[str]:
        """A line where no row has the field of the label."""
        if self._field and self._rows and not self._count:
            yield (
                f'no {self._kind} has the field "{self._field}" ({self._kind}s.label): nothing is'
                " learned"
            )

    def remarks(self) -> Iterator[str]:
        """A line where there are any."""
        if self._refused:
            yield (
                f"{self._first}. {self._refused:,} of {self._count:,} labels are refused: each"
                " becomes a dead letter"
            )
