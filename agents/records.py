"""Records that did not come from Kafka just now: they were stored, forwarded, or made up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import msgspec

from topics.records import Headers, Record, RecordColumns, Source

Raw = tuple[bytes | None, list[tuple[str, bytes | None]]]
"""Value and headers."""


class StoredRecord(msgspec.Struct, frozen=True, gc=False):
    """A record by its parts; it is read like one that came from Kafka.

    Attributes:
        source: Its coordinates.
        stored_key: Its key, or None.
        stored_value: Its value, or None.
        time: Its timestamp, in milliseconds since 1970.
        stored_headers: Names and values.
    """

    source: Source
    stored_key: bytes | None
    stored_value: bytes | None
    time: int
    stored_headers: Headers = msgspec.field(default_factory=list)

    def topic(self) -> str:
        """Where it came in; empty for a label that no record brought."""
        return self.source.topic

    def partition(self) -> int:
        """Of that topic."""
        return self.source.partition

    def offset(self) -> int:
        """In that partition."""
        return self.source.offset

    def key(self) -> bytes | None:
        """As it came."""
        return self.stored_key

    def value(self) -> bytes | None:
        """As it came."""
        return self.stored_value

    def timestamp(self) -> tuple[int, int]:
        """1, and milliseconds since 1970."""
        return 1, self.time

    def headers(self) -> Headers:
        """As they came."""
        return self.stored_headers


def given_label(id_: Any, label: Any, time: int) -> StoredRecord:
    """Stands for the record of a label that no record brought: an event expired without one."""
    value = msgspec.json.encode({"id": id_, "label": label})
    return StoredRecord(Source("", -1, -1), None, value, time)


class StoredRecords(RecordColumns):
    """Stored records as columns.

    Args:
        sources: Topic, partition and offset of each.
        keys: Of each.
        times: Of each, in milliseconds since 1970.
        raw: Value and headers of those that have them; empty where none has.
    """

    def __init__(
        self,
        sources: tuple[Sequence[str], Sequence[int], Sequence[int]],
        keys: Sequence[bytes | None],
        times: Sequence[int],
        raw: Sequence[Raw | None] = (),
    ) -> None:
        self._topics, self._partitions, self._offsets = sources
        self._keys = keys
        self._times = times
        self._raw = raw

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, i: int) -> Record: ...
    @overload
    def __getitem__(self, i: slice) -> Sequence[Record]: ...
    def __getitem__(self, i: int | slice) -> Record | Sequence[Record]:
        if isinstance(i, slice):
            return self.some(range(*i.indices(len(self))))
        value, headers = (self._raw[i] if self._raw else None) or (None, [])
        source = Source(self._topics[i], self._partitions[i], self._offsets[i])
        return StoredRecord(source, self._keys[i], value, self._times[i], headers)

    def each(self, part: str) -> list[Any]:
        """A part of all records."""
        if part == "timestamp":
            return [(1, time) for time in self._times]
        columns = {
            "topic": self._topics,
            "partition": self._partitions,
            "offset": self._offsets,
            "key": self._keys,
        }
        if part in columns:
            return list(columns[part])
        return [getattr(record, part)() for record in self]

    def some(self, at: Sequence[int]) -> StoredRecords:
        """The records at these places, in this order."""

        def of(column: Sequence[Any]) -> list[Any]:
            return [column[i] for i in at]

        sources = of(self._topics), of(self._partitions), of(self._offsets)
        raw = of(self._raw) if self._raw else ()
        return StoredRecords(sources, of(self._keys), of(self._times), raw)
