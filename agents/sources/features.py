"""The source of a pipeline whose events bring all features: they are read straight into columns."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from agents.events.read import Read
from agents.events.reader import EventReader
from agents.operations import Fields, Operations
from agents.rejected import Rejected
from topics.codecs import Codec
from topics.records import Batch, Record


class Undecoded(Sequence[Any]):
    """The fields of events that are decoded where somebody asks for them.

    Args:
        records: Of the events.
        codec: Their format.
    """

    def __init__(self, records: Sequence[Record], codec: Codec) -> None:
        self._records = records
        self._codec = codec

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return Undecoded(self._records[at], self._codec)
        fields: Fields = self._codec.decode(self._records[at].value())
        return fields


class FeatureSource:
    """Reads features and labels of events.

    Args:
        codec: The format of the events topic.
        reader: Of this topic.
    """

    labels = None

    def __init__(self, codec: Codec, reader: EventReader) -> None:
        self._codec = codec
        self._reader = reader

    def save(self) -> None:
        """Nothing: there is no state."""

    def warm_up(self) -> None:
        """Compile the scanner."""
        self._reader.warm_up()

    def read(self, batch: Batch) -> tuple[Operations, list[Rejected]]:
        """The events that can be used, in order; and what is set aside."""
        records, places = batch.records, np.zeros(len(batch.records), np.int64)
        if batch.places is not None:
            places[:] = batch.places
        events, failures = self._reader.read(records)
        kept: Sequence[Record] = records
        if failures:
            kept, places = [records[i] for i in events.index], places[events.index]
        operations = Operations.of_events(events.ids, Undecoded(kept, self._codec), kept, places)
        operations.read = Read(np.arange(len(kept)), events.rows, events.labels)
        operations.origin = batch.topic, batch.partition
        failures.sort(key=attrgetter("index"))
        return operations, [Rejected(records[f.index], f.stage, f.error) for f in failures]
