"""Rows of files as the records of the topics, each with its part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from app.replay.base import Event, Source
from app.replay.records import channels, records
from app.replay.times import timed
from app.training.errors import HistoryRefused
from app.training.history import History
from app.training.spark.files import Read, name_of
from app.training.spark.rows import LATER, LEFT_OUT, RECORD, Row, batches
from app.training.spill import part_of

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class InFiles(Source):
    """Events, each with its file."""

    files: Sequence[str] = ()

    def where(self, event: Event) -> str:
        """Spark counts no lines."""
        return name_of(self.files[event.line])


@dataclass(frozen=True)
class Normalise:
    """Rows of files as records; see `mapInArrow`.

    Attributes:
        history: Says what counts; nothing is read of it.
        kind: Of the rows.
        read: Makes events of them.
        time: The field of their times.
        parts: How many there are.
        until_cut: Whether rows from the cut on are left out.
    """

    history: History
    kind: Literal["event", "label"]
    read: Read
    time: str
    parts: int
    until_cut: bool

    def __call__(self, given: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Of each batch its records."""
        return batches(row for batch in given for row in self._rows(batch))

    def _rows(self, batch: pa.RecordBatch) -> Iterator[Row]:
        files, numbers = (batch.column(name).to_pylist() for name in ("file", "number"))
        fields = map(self._fields, batch.column("row").to_pylist(), files)
        events = [Event(n, each, self.kind) for n, each in enumerate(fields)]
        source = InFiles("", lambda: iter(events), files=files)
        kept = [event for event in timed(source, self.time).read() if self._counts(event)]
        to = channels(self.history.pipeline, self.history.source, self.history.key)
        for event, sent in zip(kept, records(source, kept, to), strict=True):
            kind, is_event = self._kind(event), self.kind == "event"
            place, part = 2 * sent.timestamp + is_event, part_of(sent.key, self.parts)
            at = place, files[event.line], numbers[event.line], part
            yield Row(kind, *at, sent.key, sent.value, not is_event)

    def _fields(self, row: dict[str, object], file: str) -> dict[str, object]:
        try:
            return self.read(row)
        except msgspec.DecodeError as error:
            raise HistoryRefused(f"{name_of(file)}: not a JSON object: {error}") from None

    def _counts(self, event: Event) -> bool:
        return not self.until_cut or (event.timestamp or 0) < self.history.cut

    def _kind(self, event: Event) -> int:
        if self.history.known(event) in self.history.left_out:
            return LEFT_OUT
        overlaps = self.history.overlap is not None and self.history.of_overlap(event)
        return LATER if overlaps else RECORD
