"""From raw records to events: decoded, validated, as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import msgspec
import numpy as np

from agents.errors import InvalidEvent
from agents.events.fields import EventFields, parser
from agents.events.limits import (
    all_fit,
    bounded,
    decode_one,
    fits,
    id_error,
    label_check,
)
from agents.events.scanner import SCANS, Scanned, Scanner
from learners.base import UNSUPERVISED
from learners.engine.rows import Rows
from learners.model import UNLABELLED, Model
from topics.codecs import UNDECODABLE, Codec
from topics.dead_letters import Stage
from topics.errors import DecodeError
from topics.records import Record, of_each

FEW = 32
"""Events that a decoder reads sooner than a scanner is called."""
TAKES_BOOLS = ("binary", "multiclass")
"""Tasks for which a bool is a label as it stands."""


@dataclass(slots=True)
class Events:
    """The good events of a batch, as columns of one length.

    Attributes:
        index: Where in the batch each stands, ascending.
        ids: Their ids; None without an id field.
        labels: Their labels, or ``UNLABELLED``.
        rows: Their features: a matrix for a learner with a batch way, else a list of dicts.
    """

    index: list[int]
    ids: Sequence[Any]
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
        self._check_label = label_check(model, fields.label_values)
        self._supervised = model.task not in UNSUPERVISED
        self._takes_bools = model.task in TAKES_BOOLS and not fields.label_values
        self._as_matrix = model.batched
        self._parse = parser(fields, model.takes_text)
        self._decode = codec.decoder(self._parse.type)
        self._scanner: Scanner | None = None
        if self._as_matrix and fields.features is not None:
            self._scanner = self._scanner_of(fields.features)

    def warm_up(self) -> None:
        """Compile whatever the first event would have to wait for."""
        if self._as_matrix and (scanner := self._scanner or self._scanner_of(("x",))) is not None:
            scanner.warm_up()

    def read(self, records: Sequence[Record]) -> tuple[Events, list[Failure]]:
        """The good events of ``records``, and the failures of the others."""
        failures: list[Failure] = []
        values = of_each(records, "value")
        keys = [key or b"" for key in of_each(records, "key")]
        if not bounded(keys, values):
            return self._read_each(range(len(values)), keys, values, failures), failures
        scanner = None if len(values) < FEW else self._scanner_for(values)
        if scanner is None:
            return self._read_all(keys, values, failures), failures
        scanned = scanner.scan(values)
        events = self._of_scanned(scanner, scanned, failures)
        if len(scanned.read) < len(values):
            odd = np.delete(np.arange(len(values)), scanned.read).tolist()
            events = merged(events, self._read_each(odd, keys, values, failures))
        return events, failures

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

    def _scanner_for(self, values: Sequence[bytes]) -> Scanner | None:
        """Where no features are declared, those of the first event are looked for."""
        if self._as_matrix and self._fields.features is None:
            try:
                rows = self._parse.rows([self._decode(values[0])], as_matrix=True)
            except (*UNDECODABLE, InvalidEvent):
                return None
            assert isinstance(rows, Rows)
            if self._scanner is None or self._scanner.features != rows.names:
                self._scanner = self._scanner_of(rows.names)
        return self._scanner

    def _scanner_of(self, features: tuple[str, ...]) -> Scanner | None:
        fields = self._fields
        found = [name for name in (*features, fields.id, fields.label) if name is not None]
        scans = self._codec.name in SCANS and Scanner.can(found)
        if not scans or len(set(found)) < len(found):
            return None
        return Scanner(
            self._codec.name,
            self._codec.decode,
            features,
            fields.id,
            fields.label,
            closed=fields.features is None,
        )

    def _of_scanned(self, scanner: Scanner, scanned: Scanned, failures: list[Failure]) -> Events:
        index = scanned.read.tolist()
        rows = Rows(scanner.features, scanned.matrix)
        ids = [None] * len(index) if scanned.ids is None else scanned.ids
        if self._takes_bools and scanned.flags is not None:
            return Events(index, ids, scanned.flags, rows)
        labels, keep = scanned.labels, [True] * len(index)
        self._check_labels(index, labels, keep, failures)
        if all(keep):
            return Events(index, ids, labels, rows)
        index, kept_ids, labels = _kept(keep, index, list(ids), labels)
        return Events(index, kept_ids, labels, Rows(rows.names, rows.matrix[keep]))

    def _read_all(
        self, keys: Sequence[bytes], values: Sequence[bytes], failures: list[Failure]
    ) -> Events:
        try:
            decoded = list(map(self._decode, values))
        except UNDECODABLE:
            return self._read_each(range(len(values)), keys, values, failures)
        return self._read(list(range(len(values))), decoded, failures)

    def _read_each(
        self,
        which: Sequence[int],
        keys: Sequence[bytes],
        values: Sequence[bytes | None],
        failures: list[Failure],
    ) -> Events:
        index, decoded = [], []
        for i in which:
            try:
                decoded.append(self._decode_one(keys[i], values[i]))
                index.append(i)
            except DecodeError as error:
                failures.append(Failure(i, "decode", error))
            except InvalidEvent as error:
                failures.append(Failure(i, "validate", error))
        return self._read(index, decoded, failures)

    def _read(self, index: list[int], decoded: list[Any], failures: list[Failure]) -> Events:
        ids, labels = self._parse.ids(decoded), self._parse.labels(decoded)
        keep = [True] * len(index)
        self._check_ids(index, ids, keep, failures)
        self._check_labels(index, labels, keep, failures)
        index, decoded, ids, labels = _kept(keep, index, decoded, ids, labels)
        try:
            rows = self._parse.rows(decoded, as_matrix=self._as_matrix)
        except (InvalidEvent, OverflowError):
            keep = self._finite(index, decoded, failures)
            index, decoded, ids, labels = _kept(keep, index, decoded, ids, labels)
            rows = self._parse.rows(decoded, as_matrix=self._as_matrix)
        return Events(index, ids, labels, rows)

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

    def _check_ids(
        self, index: list[int], ids: list[Any], keep: list[bool], failures: list[Failure]
    ) -> None:
        """Set aside the events whose id cannot be used."""
        if not self._fields.id or all_fit(ids):
            return
        for i, id_ in enumerate(ids):
            if not fits(id_):
                keep[i] = False
                error = id_error(self._fields.id, id_)
                failures.append(Failure(index[i], "validate", error))

    def _check_labels(
        self, index: list[int], labels: list[Any], keep: list[bool], failures: list[Failure]
    ) -> None:
        """Set aside the events whose label cannot be used; the others' are converted in place."""
        if not self._supervised:
            labels[:] = [None] * len(labels)
            return
        if self._takes_bools and set(map(type, labels)) == {bool}:
            return
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


def merged(first: Events, second: Events) -> Events:
    """The events of both, in the order of their batch."""
    if not first.index or not second.index:
        return first if first.index else second
    index = first.index + second.index
    order = sorted(range(len(index)), key=index.__getitem__)
    ids, labels = [*first.ids, *second.ids], [*first.labels, *second.labels]
    assert isinstance(first.rows, Rows)
    assert isinstance(second.rows, Rows)
    return Events(
        [index[i] for i in order],
        [ids[i] for i in order],
        [labels[i] for i in order],
        first.rows.with_more(second.rows).take(order),
    )


def _kept(keep: list[bool], *columns: list[Any]) -> tuple[list[Any], ...]:
    """The columns without the rows that are not kept."""
    return columns if all(keep) else tuple(list(compress(column, keep)) for column in columns)
