"""The merges of an assignment: what is taken of them together, cut into parts by partition."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from confluent_kafka import KafkaError

from app.kafka.partitions import TP
from app.worker.input.block_records import latest_in, operations_in
from app.worker.input.merging import Merge

At = tuple[str, int]
"""A topic and a partition of it."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a round has of one partition.

    Attributes:
        topic: The first of the topics that are merged.
        partition: Its number, in each of the topics.
        records: In the order in which they were taken.
        places: Of each among all that were taken.
        last: Whether it is the last part of its round.
        mark: See ``Merge.mark``.
    """

    topic: str
    partition: int
    records: list[Any] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    last: bool = True
    mark: int | None = None

    @property
    def ends(self) -> Mapping[str, int]:
        """The offset after the last record, by topic."""
        return {record.topic(): record.offset() + 1 for record in self.records}


class Rounds:
    """Reads topics with the same partitions in the order of time.

    Args:
        topics: Of records of the same time, those of a later topic come first, then those of a
            smaller partition: what becomes known at a time is known to an event of that time.
        partitions: Those of the worker, also of other topics.
        together: All partitions are one stream. Else each is one, with its part of each topic.
        max_idle: Seconds; see ``Merge``.
        inner: Topics between two stages that are one more stream, by the times of the events.
        span: Milliseconds; see ``Merge``. No round has records from both sides of a mark.
    """

    def __init__(
        self,
        topics: Sequence[str] = (),
        partitions: Sequence[At] = (),
        *,
        together: bool = False,
        max_idle: float = 0.0,
        inner: Sequence[str] = (),
        span: int | None = None,
    ) -> None:
        streams: defaultdict[int, list[At]] = defaultdict(list)
        for topic in reversed(topics):
            for at in sorted(at for at in partitions if at[0] == topic):
                streams[0 if together else at[1]].append(at)
        self._merges = [Merge(ats, max_idle, span) for _, ats in sorted(streams.items())]
        if between := sorted(at for at in partitions if at[0] in inner):
            self._merges.append(Merge(between, max_idle, span, latest_in, operations_in))
        self._merge_of = {at: merge for merge in self._merges for at in merge.keys}
        self._taken = 0

    def __bool__(self) -> bool:
        """Whether anything is merged."""
        return bool(self._merges)

    def add(self, messages: Sequence[Any]) -> list[Any]:
        """Take in what is to be merged; gives the others, and the errors."""
        others = []
        for message in messages:
            at, error = (message.topic(), message.partition()), message.error()
            merge = self._merge_of.get(at)
            if merge is not None and error is None:
                merge.add(at, (message,))
            elif merge is not None and error.code() == KafkaError._PARTITION_EOF:
                merge.reached_end(at)
            else:
                others.append(message)
        return others

    def take(self, limit: int) -> list[Part]:
        """About ``limit`` events and labels of each stream, as a round of parts."""
        return [part for merge in self._merges for part in self._parts(merge, merge.take(limit))]

    def begin(self, least: Mapping[TP, int]) -> None:
        """See ``Merge.begin``."""
        for at, time in least.items():
            if (merge := self._merge_of.get(at)) is not None:
                merge.begin(at, time)

    @property
    def ended(self) -> frozenset[str]:
        """The topics of which all partitions here are at their end; see ``Merge.ended``."""
        return frozenset(at[0] for merge in self._merges if merge.ended for at in merge.keys)

    def wait(self) -> float | None:
        """See ``Merge.wait``."""
        waits = [wait for merge in self._merges if (wait := merge.wait()) is not None]
        return min(waits, default=None)

    def to_pause(self) -> list[At]:
        """See ``Merge.to_pause``."""
        return [at for merge in self._merges for at in merge.to_pause()]

    def to_resume(self) -> list[At]:
        """See ``Merge.to_resume``."""
        return [at for merge in self._merges for at in merge.to_resume()]

    def _parts(self, merge: Merge[At], records: Sequence[Any]) -> list[Part]:
        parts: dict[int, Part] = {}
        topic = merge.keys[-1][0]
        for place, record in enumerate(records, self._taken):
            number = record.partition()
            if number not in parts:
                parts[number] = Part(topic, number, last=False, mark=merge.mark)
            parts[number].records.append(record)
            parts[number].places.append(place)
        self._taken += len(records)
        if not parts:
            return []
        *others, last = parts.values()
        return [*others, replace(last, last=True)]
