"""From raw records to events: decoded, validated, as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import msgspec

from agents.errors import InvalidEvent
from agents.events.fields import EventFields, parser
from agents.events.limits import (
    MAX_KEY,
    MAX_VALUE,
    UNSUPERVISED,
    all_fit,
    decode_one,
    fits,
    id_error,
    label_check,
)
from learners.model import UNLABELLED, Model
from learners.rows import Rows
from topics.codecs import UNDECODABLE, Codec
from topics.dead_letters import Stage
from topics.errors import DecodeError
from topics.records import Record

TAKES_BOOLS = ("binary", "multiclass")
"""Tasks for which a bool is a label as it stands."""


@dataclass(slots=True)
class Events:
    """The good events of a batch, as columns of one length.

    Attributes:
        index: Where in the batch each stands.
        ids: Their ids; None without an id field.
        labels: Their labels, or ``UNLABELLED``.
        rows: Their features: a matrix for a learner with a batch way, else a list of dicts.
    """

    index: list[int]
    ids: list[Any]
    labels: list[Any]
    rows: Rows | list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Failure:
    """An event that is set aside: where in the batch, at which stage, and why."""

    index: int
    stage: Stage
    error: Exception


class EventReader:
    """Reads batches of raw records into events.

    Args:
        codec: The format of the events topic.
        fields: Which fields are what.
        model: It knows which labels it takes, and whether it wants a matrix.
    """

    def __init__(self, codec: Codec, fields: EventFields, model: Model) -> None:
        self._codec = codec
        self._fields = fields
        self._check_label = label_check(model)
        self._supervised = model.task not in UNSUPERVISED
        self._takes_bools = model.task in TAKES_BOOLS
        self._as_matrix = model.batched
        self._parse = parser(fields, model.takes_text)
        self._decode = codec.decoder(self._parse.type)

    def read(self, records: Sequence[Record]) -> tuple[Events, list[Failure]]:
        """The good events of ``records``, and the failures of the others."""
        failures: list[Failure] = []
        index, decoded = self._decode_all(records, failures)
        return self._read(index, decoded, failures), failures

    def read_fields(self, fields: Sequence[Mapping[str, Any]]) -> tuple[Events, list[Failure]]:
        """As ``read``, for events that are decoded already."""
        failures: list[Failure] = []
        index, decoded = [], []
        for i, said in enumerate(fields):
            try:
                decoded.append(msgspec.convert(said, self._parse.type))
                index.append(i)
            except msgspec.ValidationError as error:
                failures.append(Failure(i, "validate", InvalidEvent(self._parse.explain(error))))
        return self._read(index, decoded, failures), failures

    @property
    def matrix_names(self) -> tuple[str, ...] | None:
        """The columns of every matrix; None where events differ, or rows are dicts."""
        return self._fields.features if self._as_matrix else None

    def _read(self, index: list[int], decoded: list[Any], failures: list[Failure]) -> Events:
        ids, labels = self._parse.ids(decoded), self._parse.labels(decoded)
        keep = self._checked(index, ids, labels, failures)
        index, decoded, ids, labels = _kept(keep, index, decoded, ids, labels)
        try:
            rows = self._parse.rows(decoded, as_matrix=self._as_matrix)
        except (InvalidEvent, OverflowError):
            keep = self._finite(index, decoded, failures)
            index, decoded, ids, labels = _kept(keep, index, decoded, ids, labels)
            rows = self._parse.rows(decoded, as_matrix=self._as_matrix)
        return Events(index, ids, labels, rows)

    def _decode_all(
        self, records: Sequence[Record], failures: list[Failure]
    ) -> tuple[list[int], list[Any]]:
        values = [record.value() for record in records]
        keys = [record.key() or b"" for record in records]
        try:
            if max(map(len, values)) <= MAX_VALUE and max(map(len, keys)) <= MAX_KEY:
                return list(range(len(values))), list(map(self._decode, values))
        except UNDECODABLE:
            pass
        return self._decode_each(keys, values, failures)

    def _decode_each(
        self, keys: Sequence[bytes], values: Sequence[bytes | None], failures: list[Failure]
    ) -> tuple[list[int], list[Any]]:
        index, decoded = [], []
        for i, (key, value) in enumerate(zip(keys, values, strict=True)):
            try:
                decoded.append(self._decode_one(key, value))
                index.append(i)
            except DecodeError as error:
                failures.append(Failure(i, "decode", error))
            except InvalidEvent as error:
                failures.append(Failure(i, "validate", error))
        return index, decoded

    def _decode_one(self, key: bytes, value: bytes | None) -> Any:
        return decode_one(self._decode, self._codec.name, self._parse.explain, key, value)

    def _finite(self, index: list[int], decoded: list[Any], failures: list[Failure]) -> list[bool]:
        """Which events have only finite features."""
        keep = [True] * len(index)
        for i, event in enumerate(decoded):
            try:
                self._parse.require_finite(event)
            except InvalidEvent as error:
                keep[i] = False
                failures.append(Failure(index[i], "validate", error))
        return keep

    def _checked(
        self, index: list[int], ids: list[Any], labels: list[Any], failures: list[Failure]
    ) -> list[bool]:
        """Which events have a usable id and label; the labels are converted in place."""
        keep = [True] * len(index)
        if self._fields.id and not all_fit(ids):
            for i, id_ in enumerate(ids):
                if not fits(id_):
                    keep[i] = False
                    error = id_error(self._fields.id, id_)
                    failures.append(Failure(index[i], "validate", error))
        if not self._supervised:
            labels[:] = [None] * len(labels)
            return keep
        if self._takes_bools and set(map(type, labels)) == {bool}:
            return keep
        for i, label in enumerate(labels):
            if label is None or label is UNLABELLED:
                labels[i] = UNLABELLED
            elif keep[i]:
                try:
                    labels[i] = self._check_label(label)
                except ValueError as error:
                    keep[i] = False
                    text = f"{self._fields.label}: {error}"
                    failures.append(Failure(index[i], "validate", InvalidEvent(text)))
        return keep


def _kept(keep: list[bool], *columns: list[Any]) -> tuple[list[Any], ...]:
    """The columns without the rows that are not kept."""
    return columns if all(keep) else tuple(list(compress(column, keep)) for column in columns)
