"""Fields of many records as columns, without a dict for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from agents.events.scanned import FALSE, INTEGER, NOTHING, NUMBER, ODD, TEXT, TRUE, Fields, Found
from agents.events.scanner import EXACT, SCANS, Scanner, is_id, joined, value_of
from agents.texts import Texts, encoded
from agents.words import Bytes
from learners.engine.kernels import Bools, Ints

Column = Any
"""Of shape (records,): int64, float64 or bool where all are such, else Python objects."""

_STR8 = 0xD9
"""How MessagePack begins a text of more than 31 bytes, with one byte for its length; the next one
has two."""


class FoundFields:
    """Fields that were found in records, each as the decoder of the format would have it.

    Args:
        format_: "json" or "msgpack".
        decode: Of this format: any value.
        data: The records, each with a byte behind it.
        names: Of the fields.
        found: Where they are.
    """

    def __init__(
        self,
        format_: str,
        decode: Callable[[bytes], Any],
        data: bytes,
        names: Sequence[str],
        found: Found,
    ) -> None:
        self._format, self._decode = format_, decode
        self._data = data
        self._places = {name: place for place, name in enumerate(names)}
        self._found = found
        self._columns: dict[str, Column] = {}

    def column(self, name: str) -> Column:
        """A field of all records, not to be changed; None where one has none."""
        if name not in self._columns:
            self._columns[name] = self._read(self._places[name])
        return self._columns[name]

    def is_plain(self, name: str) -> bool:
        """Whether all records have a text or a number of bounded size in this field."""
        kinds, spans = self._of(name)
        plain = is_id(kinds, spans) | ((kinds >= FALSE) & (kinds <= NUMBER) & (kinds != INTEGER))
        return bool(plain.all())

    def are_ids(self, name: str) -> bool:
        """Whether all records have an id in this field."""
        return bool(is_id(*self._of(name)).all())

    def are_bools(self, name: str) -> bool:
        """Whether all records have a bool in this field."""
        return bool(_bools(self._of(name)[0]).all())

    def as_json(self, name: str) -> Texts:
        """A field of all records, encoded."""
        if self._format == "json":  # the scanner takes one spelling of each value
            place = self._places[name]
            return Texts(np.frombuffer(self._data, np.uint8), self._found.spans[:, place])
        return encoded("json", self.column(name).tolist())

    def _read(self, place: int) -> Column:
        kinds, values = self._found.kinds[:, place], self._found.values[:, place]
        first = kinds[0] if len(kinds) else NOTHING
        if _bools(kinds).all():
            return kinds == TRUE
        if (kinds == first).all():
            if first == NUMBER:
                return values
            if first == INTEGER and np.abs(values).max() < EXACT:
                return values.astype(np.int64)
            if first == TEXT:
                return self._texts(place)
            if first == NOTHING:
                return np.full(len(kinds), None, object)
        spans = self._found.spans[:, place].tolist()
        rows = zip(kinds.tolist(), values.tolist(), spans, strict=True)
        return _objects([value_of(self._decode, self._data, *row) for row in rows])

    def _of(self, name: str) -> tuple[Bytes, Ints]:
        place = self._places[name]
        return self._found.kinds[:, place], self._found.spans[:, place]

    def _texts(self, place: int) -> Column:
        spans, quote = self._found.spans[:, place], 1
        if self._format == "msgpack":
            head = np.frombuffer(self._data, np.uint8)[spans[:, 0]]
            firsts, quote = spans[:, 0] + np.where(head < _STR8, 1, head - _STR8 + 2), 0
        else:
            firsts = spans[:, 0] + 1
        data = self._data.decode("ascii", "replace")  # a byte is a character: places stay
        ends = (spans[:, 1] - quote).tolist()
        return _objects([data[i:j] for i, j in zip(firsts.tolist(), ends, strict=True)])


class FieldScanner:
    """Finds fields of records.

    Args:
        format_: "json" or "msgpack".
        decode: Of this format: any value.
    """

    def __init__(self, format_: str, decode: Callable[[bytes], Any]) -> None:
        self._format, self._decode = format_, decode
        self._fields: dict[tuple[str, ...], Fields] = {}

    @staticmethod
    def can(format_: str, names: Sequence[str]) -> bool:
        """Whether fields of these names can be found in this format."""
        return format_ in SCANS and Scanner.can(names)

    def scan(self, values: Sequence[bytes], names: tuple[str, ...]) -> FoundFields | None:
        """See `scan_joined`."""
        return self.scan_joined(*joined(values), names)

    def scan_joined(self, data: bytes, bounds: Ints, names: tuple[str, ...]) -> FoundFields | None:
        """The fields of these names; None where a record is nothing for a scanner.

        Args:
            data: The records, each with a byte behind it.
            bounds: Where each begins, and the end.
            names: At least one.
        """
        if names not in self._fields:
            self._fields = {names: Fields.of((), names, closed=False)}
        found = Found.empty(len(bounds) - 1, 0, len(names))
        SCANS[self._format](np.frombuffer(data, np.uint8), bounds, self._fields[names], found)
        if (found.kinds[:, 0] == ODD).any():
            return None
        return FoundFields(self._format, self._decode, data, names, found)


def _bools(kinds: Bytes) -> Bools:
    bools: Bools = (kinds == TRUE) | (kinds == FALSE)
    return bools


def _objects(values: list[Any]) -> Column:
    column = np.empty(len(values), object)
    column[:] = values
    return column
