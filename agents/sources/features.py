"""The source of a pipeline whose events bring all features: they are read straight into columns."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

import numpy as np

from agents.events.read import Read
from agents.events.reader import EventReader
from agents.lazy_fields import undecoded
from agents.operations import Operations
from agents.rejected import Rejected
from topics.codecs import Codec
from topics.records import Batch, Record


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
        operations = Operations.of_events(events.ids, undecoded(kept, self._codec), kept, places)
        operations.read = Read(np.arange(len(kept)), events.rows, events.labels)
        operations.origin = batch.topic, batch.partition
        failures.sort(key=attrgetter("index"))
        return operations, [Rejected(records[f.index], f.stage, f.error) for f in failures]
