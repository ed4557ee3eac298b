"""Events and labels as they arrive, as columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from agents.events.found_fields import Column
from agents.events.limits import all_fit
from agents.labels.entries import kept_fields
from agents.labels.reader import ParsedLabel
from agents.lazy_fields import Fields
from agents.operations import ParsedEvent
from agents.tables.arrays import joined_bytes
from agents.texts import FIRST_MARK, Template, Texts, encoded
from learners.engine.kernels import Ints
from topics.records import Record

_pack = msgspec.msgpack.Encoder().encode
_to_json = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Arrived:
    """Events and labels, in order; all columns have one length.

    Attributes:
        are_labels: Whether each is a label.
        times: Of their records, in milliseconds since 1970.
        ids: Of each event, or of a label's.
        ids_as_json: The same, encoded.
        kept: What is kept of each event, and label and weight of each label, as MessagePack.
        came: What an event says; None of a label.
        labels: None of an event.
        weights: 0 of an event.
        records: Of each.
        columns: Fields of the events that are at hand already, by name, with a row for each
            event.
    """

    are_labels: NDArray[np.bool_]
    times: Ints
    ids: list[Any]
    ids_as_json: Texts
    kept: Texts
    came: Sequence[Any]
    labels: list[Any]
    weights: list[int]
    records: Sequence[Record]
    columns: Mapping[str, Column] = field(default_factory=dict)

    @classmethod
    def of(cls, arrived: Sequence[ParsedEvent | ParsedLabel], keep: tuple[str, ...]) -> Arrived:
        """From one after another.

        Args:
            arrived: In order.
            keep: The fields of events that are kept.
        """
        ids = [one.id for one in arrived]
        came = [one.fields if isinstance(one, ParsedEvent) else None for one in arrived]
        kept = _kept(keep, [fields for fields in came if fields is not None])
        values = [
            _pack(one.label) + _pack(one.weight) if isinstance(one, ParsedLabel) else next(kept)
            for one in arrived
        ]
        return cls(
            np.array([fields is None for fields in came], np.bool_),
            np.array([one.time for one in arrived], np.int64),
            ids,
            _texts(*joined_bytes(list(map(_to_json, ids)))),
            _texts(*joined_bytes(values)),
            came,
            [one.label if isinstance(one, ParsedLabel) else None for one in arrived],
            [one.weight if isinstance(one, ParsedLabel) else 0 for one in arrived],
            [one.record for one in arrived],
        )

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, i: int) -> ParsedEvent | ParsedLabel:
        """One of them."""
        id_, time, record = self.ids[i], int(self.times[i]), self.records[i]
        if self.are_labels[i]:
            return ParsedLabel(id_, self.labels[i], None, self.weights[i], time, record)
        return ParsedEvent(id_, time, self.came[i], record)


class Keeper:
    """Encodes what is kept of events, and labels with their weights, many at once.

    Args:
        keep: The fields of events that are kept.
    """

    def __init__(self, keep: tuple[str, ...]) -> None:
        self.names = keep
        marks = range(FIRST_MARK, FIRST_MARK + len(keep))
        self._events = Template(_pack(dict(zip(keep, marks, strict=True))), _packed(marks))
        marks = range(FIRST_MARK, FIRST_MARK + 2)  # of label and weight
        self._labels = Template(b"".join(_packed(marks)), _packed(marks))

    def events(self, column: Callable[[str], Column], count: int) -> Texts:
        """Of so many events, whose fields are all plain."""
        if not self.names:
            nothing = np.frombuffer(_pack({}), np.uint8)
            return Texts(nothing, np.tile(np.array([0, len(nothing)]), (count, 1)))
        return _laid(self._events, [column(name).tolist() for name in self.names])

    def labels(self, labels: list[Any], weights: list[int]) -> Texts:
        """Of labels."""
        return _laid(self._labels, [labels, weights])


def _packed(values: Sequence[Any]) -> list[bytes]:
    return list(map(_pack, values))


def _laid(template: Template, columns: Sequence[list[Any]]) -> Texts:
    data, bounds = template.lay([encoded("msgpack", column) for column in columns])
    return Texts(data, np.stack([bounds[:-1], bounds[1:]], axis=1))


def _texts(data: Any, ends: Ints) -> Texts:
    spans = np.zeros((len(ends), 2), np.int64)
    spans[1:, 0], spans[:, 1] = ends[:-1], ends
    return Texts(data, spans)


def _kept(names: tuple[str, ...], came: Sequence[Fields]) -> Any:
    """What is kept of each event, as MessagePack."""
    columns = [[fields.get(name) for fields in came] for name in names]
    if columns and all(map(all_fit, columns)):  # so each has all of them, and they are plain
        return (_pack(dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True))
    return (_pack(kept_fields(names, fields)) for fields in came)
