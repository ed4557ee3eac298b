"""A history of events and labels as the records that the topics of a pipeline would have had."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal, NamedTuple

from confluent_kafka import murmur2

from app.pipeline.load import Pipeline
from app.replay.base import Event, Source
from app.replay.records import Channel, channels, records
from app.training.errors import HistoryRefused
from app.trial.records import TrialRecord

LOOKED_AT = 1_000
"""Events that are looked at for a field, before it counts as missing."""
SHOWN = 12
"""Fields that an error shows."""


class Known(NamedTuple):
    """What tells an event or a label from all others.

    Attributes:
        kind: Which of both.
        id: Of the event.
        time: Of a label, in milliseconds since 1970; 0 of an event, which comes once.
    """

    kind: Literal["event", "label"]
    id: object
    time: int = 0


@dataclass
class History:
    """Events and labels before the cut, in the order of time.

    Args:
        pipeline: Names topics, keys and fields.
        source: Has times; see `app.replay.times`.
        partitions: How many the topic of the events has.
        cut: All is before it, in milliseconds since 1970.
        key: The field of the key, before those of pipeline and source.

    Attributes:
        left_out: What is on the topics behind the cut, though its time is before it: the stream
            brings it.
        overlap: Where the part begins that the topics have too, in milliseconds since 1970, and
            what lies there with an earlier time; None for no such part.
        later: False: only what is before the overlap is given; True: only the overlap.
        newest: The newest time of each kind that was read.
        counts: How many of each kind were read, those left out apart.
        skipped: How many were left out.
    """

    pipeline: Pipeline
    source: Source
    partitions: int
    cut: int
    key: str | None = None
    left_out: Collection[Known] = frozenset()
    overlap: tuple[int, Collection[Known]] | None = None
    later: bool | None = None
    newest: dict[str, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    skipped: int = 0
    _later: bool = False

    def records(self) -> Iterator[TrialRecord]:
        """All of it, as `riverrun replay` would send it, each with its partition.

        Raises:
            HistoryRefused: For a row without a time, before the row above it, or not before the
                cut; with the place of the row.
            SourceError, ReplayError: For a row that cannot be read, or has no key.
        """
        to, ends = channels(self.pipeline, self.source, self.key), Counter[tuple[str, int]]()
        self.newest, self.counts, self.skipped = {}, Counter(), 0
        partition = self._partitions(to)
        for sent in records(self.source, self._events(), to):
            at = sent.topic, partition(sent.key)
            if self.later is None or self.later == self._later:
                yield TrialRecord(
                    *(sent.topic, ends[at], sent.key, sent.value, sent.timestamp, sent.where),
                    partition_=at[1],
                )
            ends[at] += 1

    def bare(self) -> History:
        """The same for other processes: nothing is read of it."""
        return replace(self, source=replace(self.source, read=_nothing))

    def require_fields(self) -> None:
        """The first events have the fields that the pipeline reads.

        Raises:
            HistoryRefused: With the fields that no event has.
        """
        events = (event for event in self.source.read() if event.kind == "event")
        there = {name for event in islice(events, LOOKED_AT) for name in event.fields}
        if missing := [name for name in _needed(self.pipeline) if name not in there]:
            shown = ", ".join(sorted(there)[:SHOWN]) or "no events"
            raise HistoryRefused(
                f'{self.source.name}: no event has the field "{missing[0]}", which the pipeline'
                f" reads; it has {shown}"
            )

    def _events(self) -> Iterator[Event]:
        last = 0
        for event in self.source.read():
            time = self._time(event, last)
            last = time
            if self.known(event) in self.left_out:
                self.skipped += 1
                continue
            if self.overlap is not None:
                self._later = self.of_overlap(event)
            self.counts[event.kind] += 1
            self.newest[event.kind] = time
            yield event

    def _time(self, event: Event, last: int) -> int:
        time, where = event.timestamp, self.source.where(event)
        if time is None:
            raise HistoryRefused(f"{where}: has no time; name its field by --time")
        if time < last:
            raise HistoryRefused(
                f"{where}: its time is {last - time:,} ms before that of a row above it; a history"
                " is learned in the order of time: sort it"
            )
        if time >= self.cut:
            raise HistoryRefused(
                f"{where}: is not before the cut: the stream brings it too, and it would be learned"
                " twice. Take a later --cut, or leave it out by --until"
            )
        return time

    def of_overlap(self, event: Event) -> bool:
        """Whether it is in the part that the topics have too."""
        assert self.overlap is not None
        begin, late = self.overlap
        return (event.timestamp or 0) >= begin or self.known(event) in late

    def known(self, event: Event) -> Known | None:
        """What tells it from all others, where anybody asks."""
        if not self.left_out and self.overlap is None:
            return None
        if event.kind == "event":
            return Known("event", event.fields.get(self.pipeline.events.id or ""))
        labels = self.pipeline.labels
        return Known("label", event.fields.get(labels.id) if labels else None, event.timestamp or 0)

    def _partitions(self, to: dict[str, Channel]) -> Callable[[bytes | None], int]:
        """The partition of a key, as the producers of Java and of riverrun choose it."""
        count = self.partitions
        if count == 1:
            return lambda key: 0
        if unkeyed := [channel.topic for channel in to.values() if channel.key is None]:
            raise HistoryRefused(
                f"{unkeyed[0]} has {count} partitions, and no key says on which of them an event"
                " lies: name its field by --key, or by events.key"
            )
        return lambda key: murmur2(key or b"", count)


def _needed(pipeline: Pipeline) -> Iterable[str]:
    """Fields that events must bring: of a feature only where nothing makes it."""
    events, entities = pipeline.events, pipeline.entities
    yield from filter(None, (events.id, events.key))
    yield from filter(None, (entity.field for entity in entities))
    if not entities and not events.functions:
        yield from events.features or ()


def _nothing() -> Iterator[Event]:
    return iter(())
