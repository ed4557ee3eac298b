"""What an evaluation reads from: Kafka, or a trial in this process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from topics.records import Record


class Topics(Protocol):
    """Topics, and how far a pipeline has read them; see `app.kafka.reading.Reader`."""

    def committed(self, topic: str) -> Mapping[int, int | None]:
        """The offset up to which each partition is done; None where nothing is."""

    def read(self, topic: str, start: Mapping[int, int] | None = None) -> Iterator[Record]:
        """The records of all partitions, from these offsets on."""
