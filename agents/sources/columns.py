"""Batches of events and labels as columns, without a dict for each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any

import numpy as np

from agents.events.found_fields import FieldScanner, FoundFields
from agents.events.limits import bounded
from agents.events.reader import FEW
from agents.labels.arrived import Arrived, Keeper
from agents.labels.reader import LabelReader
from agents.lazy_fields import undecoded
from agents.operations import Operations
from agents.texts import Texts
from learners.engine.kernels import Ints
from topics.codecs import Codec
from topics.records import Record, of_each

MOST_ASKED = 64
"""Fields that are looked for at once."""


class ColumnReader:
    """Reads records whose fields a compiled scanner finds.

    Args:
        codec: The format of the events topic.
        id_field: The field of an event's id, or None.

    Attributes:
        asked: The fields that somebody wanted of earlier batches: they are read at once.
    """

    def __init__(self, codec: Codec, id_field: str | None) -> None:
        self._codec = codec
        self._id = id_field
        self._scanner = FieldScanner(codec.name, codec.decode)
        self.asked: set[str] = set()

    def warm_up(self) -> None:
        """Compile."""
        if FieldScanner.can(self._codec.name, ["id"]):
            self._scanner.scan([b"{}"], ("id",))

    def events(self, records: Sequence[Record], places: Sequence[int]) -> Operations | None:
        """Events; None where one must be looked at by itself."""
        asked = self._asked()
        found = self._found(records, asked) if len(records) >= FEW else None
        if found is None:
            return None
        ids = [None] * len(records) if self._id is None else found.column(self._id).tolist()
        operations = Operations.of_events(
            ids, undecoded(records, self._codec), records, np.array(places, np.int64)
        )
        operations.asked = self.asked
        operations.looked_up = {name: found.column(name).tolist() for name in asked}
        return operations

    def arrived(
        self, records: Sequence[Record], topic: str, reader: LabelReader, keeper: Keeper
    ) -> Arrived | None:
        """Events and labels; None where one must be looked at by itself.

        Args:
            records: In order.
            topic: Of the labels.
            reader: Of the labels.
            keeper: Encodes what is kept.
        """
        if len(records) < FEW:
            return None
        are_labels = np.array([name == topic for name in of_each(records, "topic")], np.bool_)
        events = list(compress(records, (~are_labels).tolist()))
        asked = self._asked()
        found = self._found(events, [*keeper.names, *asked])
        if found is None or self._id is None or not all(map(found.is_plain, keeper.names)):
            return None
        values = _values(list(compress(records, are_labels.tolist())))
        labels = None if values is None else reader.columns(values)
        if labels is None:
            return None
        order = _order(are_labels)
        nothing, count = [None] * len(events), len(events)
        return Arrived(
            are_labels,
            np.array([time for _, time in of_each(records, "timestamp")], np.int64),
            _merged(order, found.column(self._id).tolist(), labels.ids),
            _merged_texts(order, found.as_json(self._id), labels.ids_as_json),
            _merged_texts(
                order,
                keeper.events(found.column, count),
                keeper.labels(labels.labels, labels.weights),
            ),
            undecoded(records, self._codec),
            _merged(order, nothing, labels.labels),
            _merged(order, [0] * count, labels.weights),
            records,
            {name: found.column(name) for name in asked},
        )

    def _asked(self) -> list[str]:
        names = sorted(self.asked)
        return [name for name in names if FieldScanner.can(self._codec.name, [name])][:MOST_ASKED]

    def _found(self, records: Sequence[Record], wanted: Sequence[str]) -> FoundFields | None:
        names = tuple(dict.fromkeys([*([self._id] if self._id else []), *wanted]))
        if not names or not FieldScanner.can(self._codec.name, names):
            return None
        values = _values(records)
        found = None if values is None else self._scanner.scan(values, names)
        if found is None or (self._id is not None and not found.are_ids(self._id)):
            return None
        return found


def _values(records: Sequence[Record]) -> list[bytes] | None:
    """Of all records; None where one is too large, or is none."""
    values, keys = of_each(records, "value"), of_each(records, "key")
    return values if bounded([key or b"" for key in keys], values) else None


def _order(are_labels: Any) -> Ints:
    """Which row of both, events and then labels, each arrival is."""
    events = np.cumsum(~are_labels)
    labels = np.cumsum(are_labels)
    order: Ints = np.where(are_labels, events[-1] + labels - 1, events - 1)
    return order


def _merged(order: Ints, events: list[Any], labels: list[Any]) -> list[Any]:
    both = events + labels
    return [both[i] for i in order.tolist()]


def _merged_texts(order: Ints, events: Texts, labels: Texts) -> Texts:
    spans = np.concatenate([events.spans, labels.spans + len(events.data)])
    return Texts(np.concatenate([events.data, labels.data]), spans[order])
