"""The marks of a mixed model, seen from outside: how far each partition is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from agents.shared.mark import Mark, MarkUnreadable
from app.kafka.reading import Reader
from app.pipeline.load import Pipeline
from topics.records import Record


@dataclass(frozen=True)
class NewestMark:
    """The last mark that a partition has published.

    Attributes:
        number: Of the mark: seconds since 1970 in the time of the events, divided by
            `learner.mark`.
        seconds: When it was, in seconds since 1970 in the time of the events.
        published: How many marks the partition has published.
        learned: Labels that it has learned by itself.
        size: Of the record, in bytes.
        problem: Why it cannot be read, if so; the rest is 0 then.
    """

    number: int = 0
    seconds: float = 0.0
    published: int = 0
    learned: int = 0
    size: int = 0
    problem: str | None = None


def newest_marks(pipeline: Pipeline, reader: Reader) -> dict[int, NewestMark]:
    """By partition; one that has passed no mark yet is not there.

    Raises:
        ReadError: When the marks topic is not there, or cannot be read.
    """
    topic, length = pipeline.marks_topic, pipeline.learner.mark
    records = {record.partition() or 0: record for record in reader.read(topic)}
    return {number: _newest(record, length) for number, record in records.items()}


def _newest(record: Record, length: float) -> NewestMark:
    value = record.value() or b""
    try:
        mark = Mark.decode(value)
    except MarkUnreadable as error:
        place = f"{record.topic()}[{record.partition()}]@{record.offset()}"
        return NewestMark(problem=f"{place}: {error}")
    seconds = mark.mark * length
    return NewestMark(mark.mark, seconds, mark.number + 1, mark.total, len(value))


def marks_lines(newest: Mapping[int, NewestMark | None], length: float) -> Iterator[str]:
    """A line on how far the partitions are; none where none has passed a mark."""
    passed = {p: mark for p, mark in newest.items() if mark is not None and mark.problem is None}
    if not passed:
        return
    last = min(passed, key=lambda p: passed[p].number)
    ahead = max(mark.number for mark in passed.values()) - passed[last].number
    missing = [str(p) for p, mark in newest.items() if mark is None]
    yield (
        f"one model, mixed at marks {length:g} s apart: partition {last} is the last, at"
        f" {datetime.fromtimestamp(passed[last].seconds, UTC):%Y-%m-%d %H:%M:%S} UTC, the first"
        f" is {ahead} marks ahead; the largest mark has"
        f" {max(mark.size for mark in passed.values()):,} B"
        + (f"; no mark yet of partition {', '.join(missing)}" if missing else "")
    )
