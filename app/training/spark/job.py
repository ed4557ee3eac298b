"""What a task of Spark does: one part of a stage, as `app.training.local.run_part`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from app.pipeline.load import Pipeline
from app.pipeline.models import loaded_model
from app.pipeline.stages import stages
from app.training.job import Job
from app.training.learned import Learned
from app.training.part import PartRun, Placed
from app.training.spark.files import name_of
from app.training.spark.looking import LABELLED_ROWS, SCORED_ROWS, Looking
from app.training.spark.rows import (
    COUNTERS,
    ENTRY,
    LABELLED,
    MARK,
    MODEL,
    RECORD,
    SCORED,
    Row,
    batches,
    rows_of,
)
from app.training.spill import marked
from app.trial.records import TrialRecord
from app.worker.processor import Counters
from topics.records import Outgoing

if TYPE_CHECKING:
    import pyarrow as pa

LOOKED = {SCORED_ROWS: SCORED, LABELLED_ROWS: LABELLED}
COUNTED = ("events", "predictions", "learned", "dead_letters")
_encode, _decode = msgspec.msgpack.encode, msgspec.msgpack.decode


@dataclass(frozen=True, kw_only=True)
class SparkJob(Job):
    """What the tasks of Spark are told; see `mapInArrow`.

    Attributes:
        look: Looks at what was scored and learned; None where nobody does.
        path: Where modules of the user lie.
    """

    look: Looking | None = None
    path: Sequence[str] = field(default_factory=lambda: tuple(sys.path))

    def __call__(self, given: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The records of one part, in their order, to what it forwards and what it knows then."""
        from pyspark import TaskContext

        sys.path.extend(each for each in self.path if each not in sys.path)
        context = TaskContext.get()
        assert context is not None
        yield from batches(self.rows(context.partitionId(), rows_of(given)))

    def rows(self, part: int, given: Iterator[Row]) -> Iterator[Row]:
        """As `__call__`."""
        run = self.begin(part, self.look)
        placed = (Placed(*each) for each in marked(self._records(part, given), self.marks))
        yield from self._forwarded(part, run.run(placed, self.pipeline.worker.max_batch))
        self.end(run, self.marks)
        yield from _state(part, run, self.snapshot_key)
        run.close()

    def _records(self, part: int, given: Iterator[Row]) -> Iterator[tuple[int, TrialRecord]]:
        events, *labels = stages(self.pipeline)[self.stage].inputs
        ends = Counter[str]()
        for row in given:
            assert row.part == part, f"a row of part {row.part} came to part {part}"
            topic = labels[0] if row.label and labels else events
            time = row.place // 2 if self.stage == 0 else 0
            if row.kind == RECORD:
                at = topic, ends[topic], row.key, row.value, time, name_of(row.file)
                yield row.place, TrialRecord(*at, partition_=part)
            ends[topic] += 1

    def _forwarded(self, part: int, found: Iterable[Outgoing]) -> Iterator[Row]:
        for number, record in enumerate(found):
            if (kind := LOOKED.get(record.topic)) is not None:
                at = record.place, "", record.timestamp or 0, part
                yield Row(kind, *at, record.key, record.value)
                continue
            at = record.place, "", part << 40 | number, record.partition or 0
            yield Row(RECORD, *at, record.key, record.value or b"")


def _state(part: int, run: PartRun, key: bytes | None) -> Iterator[Row]:
    def row(kind: int, name: bytes | None, value: bytes | None, place: int = 0) -> Row:
        return Row(kind, place, "", 0, part, name, value)

    learned = run.learned()
    for name, value in learned.entries.items():
        yield row(ENTRY, name.encode(), value)
    if (snapshot := learned.snapshot({}, key)) is not None:
        yield row(MODEL, None, snapshot)
    for mark in learned.marks:
        yield row(MARK, mark.key, mark.value, mark.place)
    counted = [getattr(run.counters, name) for name in COUNTED]
    yield row(COUNTERS, None, _encode(counted))


@dataclass
class Found:
    """What came of the parts of a stage, row by row."""

    pipeline: Pipeline
    stage: int
    snapshot_key: bytes | None
    counters: Counters
    entries: dict[int, dict[str, bytes]] = field(default_factory=dict)
    models: dict[int, Any] = field(default_factory=dict)
    marks: dict[int, list[Outgoing]] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        """Take what a part says."""
        value, part = row.value or b"", row.part
        if row.kind == ENTRY:
            self.entries.setdefault(part, {})[(row.key or b"").decode()] = value
        elif row.kind == MODEL:
            self.models[part] = loaded_model(self.pipeline, value, self.snapshot_key)
        elif row.kind == MARK:
            made = Outgoing(self.pipeline.marks_topic, row.key, value, part, place=row.place)
            self.marks.setdefault(part, []).append(made)
        elif row.kind == COUNTERS:
            self.counters.join(Counters(*_decode(value)))

    def learned(self, parts: int) -> list[Learned]:
        """The states of all parts."""
        stage = stages(self.pipeline)[self.stage]
        return [
            Learned(stage, n, self.entries.get(n, {}), self.models.get(n), self.marks.get(n, []))
            for n in range(parts)
        ]
