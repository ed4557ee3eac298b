"""Labels of a source that the learner does not take."""

from __future__ import annotations

from collections.abc import Iterator

from agents.events.fields import short
from agents.events.limits import label_check
from app.pipeline.cross_checks import needing_numbers
from app.pipeline.load import Pipeline
from app.pipeline.models import new_model
from app.replay.base import Event


class RefusedLabels:
    """Counts labels that would be dead letters, and those that features need as numbers.

    Args:
        pipeline: Has the learner, and says where labels are.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        table = pipeline.labels or pipeline.events
        self._kind, self._field = "label" if pipeline.labels else "event", table.label
        self._check = label_check(new_model(pipeline), table.label_values)
        self._needed = next(needing_numbers(pipeline), None)
        self._first = self._first_text = ""
        self._count = self._refused = self._rows = self._texts = 0

    def add(self, where: str, event: Event) -> None:
        """Look at the label of one row."""
        label = event.fields.get(self._field) if self._field else None
        self._rows += event.kind == self._kind
        if event.kind != self._kind or label is None:
            return
        self._count += 1
        try:
            taken = self._check(label)
        except ValueError as error:
            self._refused += 1
            self._first = self._first or f"{where}: {self._field}: {error}"
            return
        if self._needed and isinstance(taken, str):
            self._texts += 1
            self._first_text = self._first_text or f"{where}: {self._field} = {short(taken)}"

    def remarks_on_values(self) -> Iterator[str]:
        """A line where no row has the field of the label, or features cannot be made of it."""
        if self._field and self._rows and not self._count:
            yield (
                f'no {self._kind} has the field "{self._field}" ({self._kind}s.label): nothing is'
                " learned"
            )
        if self._needed and self._texts:
            key, feature = self._needed
            yield (
                f'{self._first_text}: {key} has "{feature}", which needs a number, and'
                f" {self._texts:,} of {self._count:,} labels are texts: each becomes a dead letter."
                f" {self._kind}s.label_values can say which number a class stands for"
            )

    def remarks(self) -> Iterator[str]:
        """A line where there are any."""
        if self._refused:
            yield (
                f"{self._first}. {self._refused:,} of {self._count:,} labels are refused: each"
                " becomes a dead letter"
            )
