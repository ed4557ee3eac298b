"""Records that did not come from Kafka just now: they were stored, forwarded, or made up."""

from __future__ import annotations

from typing import Any

import msgspec

from topics.records import Headers, Source


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
