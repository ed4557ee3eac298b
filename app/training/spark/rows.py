"""What goes between the tasks of Spark: records, and what came of a part, as rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa

RECORD, LATER, LEFT_OUT, ENTRY, MODEL, MARK, COUNTERS, SCORED, LABELLED = range(9)
"""What a row is: a record; one of the overlap; one that the stream brings; of a part an entry of
its state, its model, a mark, its counters; and what the yardstick is given."""
SCHEMA = (
    "kind int, place long, file string, number long, part int, key binary, value binary,"
    " label boolean"
)
AT_ONCE = 5_000
"""Rows of a batch."""


class Row(NamedTuple):
    """One row.

    Attributes:
        kind: See above.
        place: Twice its time, and one more for an event: of one time labels go first.
        file, number: Its order among those of one place.
        part: Whose it is.
        key, value: Of the record or the entry.
        label: Whether it is one.
    """

    kind: int
    place: int
    file: str
    number: int
    part: int
    key: bytes | None
    value: bytes | None
    label: bool = False


def batches(rows: Iterable[Row]) -> Iterator[pa.RecordBatch]:
    """Rows as Spark takes them from a task."""
    import pyarrow as pa

    kinds = [
        *(pa.int32(), pa.int64(), pa.string(), pa.int64()),
        *(pa.int32(), pa.binary(), pa.binary(), pa.bool_()),
    ]
    left = iter(rows)
    while some := list(islice(left, AT_ONCE)):
        columns = zip(zip(*some, strict=True), kinds, strict=True)
        arrays = [pa.array(column, kind) for column, kind in columns]
        yield pa.RecordBatch.from_arrays(arrays, list(Row._fields))


def rows_of(batches: Iterable[pa.RecordBatch]) -> Iterator[Row]:
    """The rows of batches."""
    for batch in batches:
        yield from map(Row, *(batch.column(name).to_pylist() for name in Row._fields))
