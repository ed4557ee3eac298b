"""The cut between history and stream: the offsets at which the stream goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import murmur2

from app.kafka.partitions import TP
from app.kafka.reading import Reader
from app.pipeline.load import Pipeline
from app.pipeline.stages import stages
from app.pipeline.topics import codec_of
from app.training.errors import CutRefused
from app.training.history import History, Known
from topics.errors import DecodeError
from topics.records import Record


@dataclass(frozen=True)
class Cut:
    """Where the stream goes on.

    Attributes:
        time: All that is earlier is history, in milliseconds since 1970.
        offsets: By partition of events and labels: of the first record at or after that time, or
            the end.
        late: What lies behind these offsets with an earlier time: the stream brings it.
    """

    time: int
    offsets: Mapping[TP, int]
    late: frozenset[Known]


def find_cut(pipeline: Pipeline, reader: Reader, time: int) -> Cut:
    """The cut at a time.

    Args:
        pipeline: Names the topics.
        reader: Reads them.
        time: Milliseconds since 1970.

    Raises:
        CutRefused: Where records between the time and its offset may be gone, or a key lies on
            another partition than the history's would.
    """
    offsets: dict[TP, int] = {}
    late: set[Known] = set()
    for topic in stages(pipeline)[0].inputs:
        starts, found = reader.starts(topic), reader.at(topic, time)
        for number, offset in found.items():
            _require_kept(TP(topic, number), starts[number], offset, time)
            offsets[TP(topic, number)] = offset
        late |= set(_late(pipeline, reader, topic, found, time))
    return Cut(time, offsets, frozenset(late))


def require_no_gap(reader: Reader, cut: Cut, history: History) -> None:
    """Nothing lies on the topics between the end of the history and the cut.

    Raises:
        CutRefused: Else it would be left out.
    """
    pipeline = history.pipeline
    kinds = {"event": pipeline.events.topic}
    if pipeline.labels is not None:
        kinds["label"] = pipeline.labels.topic
    for kind, topic in kinds.items():
        end = history.newest.get(kind, -1) + 1
        for number, offset in reader.at(topic, end).items():
            if offset < (goes_on := cut.offsets[TP(topic, number)]):
                raise CutRefused(
                    f"{topic}[{number}]: the history's {kind}s end at"
                    f" {said(end - 1) if end else 'nothing'}, and the records from offset {offset}"
                    f" up to the cut, offset {goes_on}, are later: they would be left out. Take"
                    " an earlier --cut, or a history that reaches up to it"
                )


def said(time: int) -> str:
    """A time, as a person reads it."""
    return f"{datetime.fromtimestamp(time / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def _require_kept(at: TP, start: int, offset: int, time: int) -> None:
    """A record before the cut is still there, so none behind it is gone; or none ever was."""
    if offset == start > 0:
        raise CutRefused(
            f"{at}: begins at offset {start}, and nothing there is before the cut,"
            f" {said(time)}: records behind the cut may be deleted already. Take a later --cut, or"
            " a shorter --overlap"
        )


def _late(
    pipeline: Pipeline, reader: Reader, topic: str, begin: Mapping[int, int], time: int
) -> Iterator[Known]:
    """What lies behind the cut, though it is earlier."""
    events, labels = pipeline.events, pipeline.labels
    is_label = labels is not None and topic == labels.topic
    codec = codec_of(pipeline, "labels" if is_label else "events")
    id_ = labels.id if labels is not None and is_label else events.id
    for record in reader.read(topic, begin):
        _require_same_partition(record, len(begin))
        at = record.timestamp()[1]
        if at >= time:
            continue
        fields: Any = None
        try:
            fields = codec.decode(record.value())
        except DecodeError:
            continue  # a dead letter, whoever brings it
        if id_ is None:
            raise CutRefused(
                f"{topic}[{record.partition()}]@{record.offset()}: lies behind the cut and is"
                " earlier, and without events.id nobody can tell whether the history has it. Take"
                " another --cut"
            )
        found = fields.get(id_) if isinstance(fields, dict) else None
        yield Known("label", found, at) if is_label else Known("event", found)


def _require_same_partition(record: Record, count: int) -> None:
    key = record.key()
    if count == 1 or key is None or murmur2(key, count) == record.partition():
        return
    raise CutRefused(
        f"{record.topic()}[{record.partition()}]@{record.offset()}: its key {key!r} would lie on"
        f" partition {murmur2(key, count)} by murmur2, as Java's clients and riverrun choose it:"
        " what the history knows of it would be on another partition. Let the producer use the"
        ' partitioner "murmur2_random"'
    )
