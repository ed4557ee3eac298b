"""From raw records of the labels topic to labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import msgspec

from agents.errors import InvalidEvent
from agents.events.decoding import Decode, decode_all
from agents.events.fields import short
from agents.events.found_fields import FieldScanner
from agents.events.limits import LIMITS, fits, id_error
from agents.operations import UNJOINED, Row
from agents.texts import Texts
from topics.codecs import Codec
from topics.records import Record


@dataclass(frozen=True, slots=True)
class LabelFields:
    """Which fields of a label record are what.

    Attributes:
        id: The field of the event's id.
        label: The field of the label.
        source: The field that says whose label it is, or None.
        weights: How often a label of each source is learned; once where it is not named.
    """

    id: str = "id"
    label: str = "label"
    source: str | None = None
    weights: Mapping[str, int] = field(default_factory=dict)


class ParsedLabel(msgspec.Struct, frozen=True, gc=False):
    """A label as it was read.

    Attributes:
        id: Of the event.
        label: As the model takes it.
        source: Whose label it is, or None.
        weight: How often it is to be learned.
        time: Of its record, in milliseconds since 1970.
        record: The record; it becomes the dead letter.
    """

    id: Any
    label: Any
    source: str | int | None
    weight: int
    time: int
    record: Record

    def row(self) -> Row:
        """It as an operation, which is joined in a later stage."""
        time, weight = self.time, self.weight
        return UNJOINED, time, time, self.id, {}, self.label, None, weight, self.record


class LabelColumns(NamedTuple):
    """Labels as columns.

    Attributes:
        ids: Of the events.
        ids_as_json: The same, encoded.
        labels: As the model takes them.
        weights: How often each is to be learned.
    """

    ids: list[Any]
    ids_as_json: Texts
    labels: list[Any]
    weights: list[int]


# A class is never free before a walk through all memory: one for all partitions and assignments.
@cache
def _struct(attributes: tuple[str, ...], named: tuple[tuple[str, str], ...]) -> type[Any]:
    fields = [(attribute, Any, None) for attribute in attributes]
    return msgspec.defstruct("Label", fields, rename=dict(named), gc=False)


class LabelReader:
    """Reads raw records into labels.

    Args:
        codec: The format of the labels topic.
        fields: Which fields are what.
        check_label: From a label as it was read to the one that the model takes; it raises
            ``ValueError`` for one that is not taken. See ``agents.events.limits.label_check``.
    """

    def __init__(
        self, codec: Codec, fields: LabelFields, check_label: Callable[[Any], Any]
    ) -> None:
        self._format = codec.name
        self._fields = fields
        self._check_label = check_label
        names = {"id": fields.id, "label": fields.label, "source": fields.source}
        named = {attribute: name for attribute, name in names.items() if name is not None}
        struct = _struct(tuple(names), tuple(named.items()))
        self._decode: Decode = codec.decoder(struct)
        self._has_source = fields.source is not None
        self._names = tuple(name for name in names.values() if name is not None)
        self._scanner = FieldScanner(codec.name, codec.decode)
        self._scans = FieldScanner.can(codec.name, self._names) and len(set(self._names)) > 1
        self._keeps_bools = _keeps_bools(check_label)

    def read(self, records: Sequence[Record]) -> list[ParsedLabel | Exception]:
        """The label of each record; or why it has none that can be used.

        That is a DecodeError or an InvalidEvent.
        """
        decoded = decode_all(self._decode, self._format, records)
        return [
            said if isinstance(said, Exception) else self._parsed(said, record)
            for said, record in zip(decoded, records, strict=True)
        ]

    def columns(self, values: Sequence[bytes]) -> LabelColumns | None:
        """The labels of the values of records; None where one must be looked at by itself."""
        if not self._scans or (found := self._scanner.scan(values, self._names)) is None:
            return None
        fields = self._fields
        if not found.are_ids(fields.id) or not found.is_plain(fields.label):
            return None
        labels = found.column(fields.label).tolist()
        if not (self._keeps_bools and found.are_bools(fields.label)):
            try:
                labels = list(map(self._check_label, labels))
            except ValueError:
                return None
        weights = [1] * len(labels)
        if fields.source is not None:
            if not found.are_ids(fields.source):
                return None
            sources = found.column(fields.source).tolist()
            weights = [fields.weights.get(str(source), 1) for source in sources]
        ids = found.column(fields.id).tolist()
        return LabelColumns(ids, found.as_json(fields.id), labels, weights)

    def _parsed(self, said: Any, record: Record) -> ParsedLabel | Exception:
        try:
            if not fits(said.id):
                raise id_error(self._fields.id, said.id)
            source = self._source(said.source) if self._has_source else None
            weight = 1 if source is None else self._fields.weights.get(str(source), 1)
            _, time = record.timestamp()
            return ParsedLabel(said.id, self._label(said.label), source, weight, time, record)
        except InvalidEvent as error:
            return error

    def _label(self, label: Any) -> Any:
        if label is None:
            raise InvalidEvent(f"{self._fields.label}: expected a label, got nothing")
        try:
            return self._check_label(label)
        except ValueError as error:
            raise InvalidEvent(f"{self._fields.label}: {error}") from error

    def _source(self, source: Any) -> str | int | None:
        if source is None or fits(source):
            return source  # type: ignore[no-any-return]
        text = f"{self._fields.source}: expected a text or an integer, got {short(source)}"
        raise InvalidEvent(text + LIMITS)


def _keeps_bools(check_label: Callable[[Any], Any]) -> bool:
    """Whether a bool is a label as it stands."""
    try:
        return check_label(True) is True and check_label(False) is False
    except ValueError:
        return False
