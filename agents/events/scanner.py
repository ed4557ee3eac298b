"""Reads the values of many events into columns at once, where a compiled scanner can."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from agents.events import scan_json, scan_msgpack
from agents.events.limits import MAX_TEXT
from agents.events.scanned import (
    FALSE,
    ID,
    INTEGER,
    LABEL,
    NOTHING,
    NUMBER,
    ODD,
    TEXT,
    TRUE,
    Fields,
    Found,
)
from learners.engine import kernels
from learners.engine.kernels import Ints

SCANS = {"json": scan_json.scan, "msgpack": scan_msgpack.scan}
LONGEST_INTEGER = 18
"""Bytes of an integer that fits into 64 bits, whatever it is."""
EXACT = 2**53
"""Up to here a float64 holds every integer."""


def joined(values: Sequence[bytes]) -> tuple[bytes, Ints]:
    """Values as a scanner takes them, a line feed behind each; and where each begins."""
    bounds = np.zeros(len(values) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, values), np.int64, len(values)) + 1, out=bounds[1:])
    return b"\n".join([*values, b""]), bounds


def is_id(kinds: Any, spans: Ints) -> Any:
    """Which values can be ids, as far as is seen by their kinds and lengths."""
    length = spans[:, 1] - spans[:, 0]
    is_text = (kinds == TEXT) & (length <= MAX_TEXT)
    return is_text | ((kinds == INTEGER) & (length <= LONGEST_INTEGER))


def value_of(
    decode: Callable[[bytes], Any], data: bytes, kind: int, value: float, span: list[int]
) -> Any:
    """A value that was found, as the decoder has it; None for `NOTHING`."""
    if kind == NOTHING:
        return None
    if kind == NUMBER:
        return value
    if kind == INTEGER and abs(value) < EXACT:
        return int(value)
    return decode(data[span[0] : span[1]])


class Spans(Sequence[Any]):
    """Values that still stand in the data that they were read from.

    Args:
        data: Of many records.
        spans: Where each value begins and ends, of shape (values, 2).
        format_: Of the data, "json" or "msgpack".
        decode: Of this format.
    """

    def __init__(
        self, data: bytes, spans: Ints, format_: str, decode: Callable[[bytes], Any]
    ) -> None:
        self.data = data
        self.spans = spans
        self.format = format_
        self._decode = decode

    def __len__(self) -> int:
        return len(self.spans)

    @overload
    def __getitem__(self, at: int) -> Any: ...
    @overload
    def __getitem__(self, at: slice) -> Spans: ...
    def __getitem__(self, at: int | slice) -> Any:
        if isinstance(at, slice):
            return Spans(self.data, self.spans[at], self.format, self._decode)
        first, end = self.spans[at].tolist()
        return self._decode(self.data[first:end])

    def __iter__(self) -> Iterator[Any]:
        data, decode = self.data, self._decode
        return (decode(data[first:end]) for first, end in self.spans.tolist())


@dataclass(frozen=True, slots=True)
class Scanned:
    """What was found in the values of some records.

    Attributes:
        read: Which were read, of shape (values,); the others are for another decoder.
        matrix: The features of those that were read, of shape (read, features).
        ids: Of these; None without an id field.
        labels: Of these, as the format has them; None where there is none.
        flags: Of the labels, of shape (read,), where all of them are bools; else None.
    """

    read: Ints
    matrix: kernels.Floats
    ids: Spans | None
    labels: list[Any]
    flags: list[bool] | None


class Scanner:
    """Finds the features, the id and the label of events.

    Args:
        format_: "json" or "msgpack".
        decode: Of this format: any value.
        features: In the order of the matrix.
        id_: The field of the id, or None.
        label: The field of the label, or None.
        closed: Whether the features must be all numbers and bools that an event has.
    """

    def __init__(
        self,
        format_: str,
        decode: Callable[[bytes], Any],
        features: tuple[str, ...],
        id_: str | None,
        label: str | None,
        *,
        closed: bool,
    ) -> None:
        self._format = format_
        self._scan = SCANS[format_]
        self._decode = decode
        self.features = features
        self._id, self._label = id_, label
        self._fields = Fields.of(features, (id_ or "", label or ""), closed=closed)

    @staticmethod
    def can(names: Sequence[str]) -> bool:
        """Whether it finds fields of these names, and is fast: compiled."""
        plain = all(name.isascii() and name.isprintable() for name in names)
        no_escapes = not any(c in name for name in names for c in '"\\')
        return kernels.njit is not None and plain and no_escapes and "" not in names

    def scan(self, values: Sequence[bytes]) -> Scanned:
        """Find them in the values of some records."""
        data, bounds = joined(values)
        found = Found.empty(len(values), len(self.features))
        self._scan(np.frombuffer(data, np.uint8), bounds, self._fields, found)
        read = np.flatnonzero(self._usable(found))
        if len(read) < len(values):
            found = found.rows(read)
        ids = Spans(data, found.spans[:, ID], self._format, self._decode) if self._id else None
        flags = self._flags(found)
        labels = flags if flags is not None else self._labels(data, found)
        return Scanned(read, found.matrix, ids, labels, flags)

    def warm_up(self) -> None:
        """Compile."""
        self.scan([b""])

    def _usable(self, found: Found) -> Any:
        kind = found.kinds[:, ID]
        if self._id is None:
            return kind != ODD
        return is_id(kind, found.spans[:, ID])

    def _flags(self, found: Found) -> list[bool] | None:
        if self._label is None:
            return None
        kind = found.kinds[:, LABEL]
        true = kind == TRUE
        flags: list[bool] = true.tolist()
        return flags if bool((true | (kind == FALSE)).all()) else None

    def _labels(self, data: bytes, found: Found) -> list[Any]:
        if self._label is None:
            return [None] * len(found.values)
        rows = zip(
            found.kinds[:, LABEL].tolist(),
            found.values[:, LABEL].tolist(),
            found.spans[:, LABEL].tolist(),
            strict=True,
        )
        return [value_of(self._decode, data, *row) for row in rows]
