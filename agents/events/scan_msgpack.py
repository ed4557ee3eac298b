"""The declared fields of MessagePack events, read straight into columns, compiled.

It takes one flat map of names and scalars, with texts of ASCII, and every value in the shortest
form that the format has for it, so that an id can be passed on byte by byte. As in `scan_json`
any other row is marked as odd, and left to the decoder that takes all.
"""

from __future__ import annotations

import math

import numpy as np

from agents.events.decimals import Words
from agents.events.scanned import (
    FALSE,
    INTEGER,
    NOTHING,
    NUMBER,
    ODD,
    TEXT,
    TRUE,
    Fields,
    Found,
    name_at,
)
from agents.words import Bytes, whole
from learners.engine.kernels import Ints, helper, inlined, kernel

_NIL, _FALSE, _TRUE, _FLOAT32, _FLOAT64, _UINT8, _INT8 = 0xC0, 0xC2, 0xC3, 0xCA, 0xCB, 0xCC, 0xD0
_MAP16, _STR8, _STR16 = 0xDE, 0xD9, 0xDA
_FIXMAP, _FIXSTR, _NEGATIVE = 0x80, 0xA0, 0xE0
_LONGEST_FIXSTR = 31


@kernel
def scan(data: Bytes, bounds: Ints, fields: Fields, found: Found) -> None:
    """Read all rows; see `scanned.Found`."""
    seen = np.full(found.matrix.shape[1], -1, np.int64)
    buffer = np.empty(1, np.uint64)
    for row in range(bounds.shape[0] - 1):
        found.kinds[row] = NOTHING
        end = bounds[row + 1] - 1
        if _map(data, bounds[row], end, fields, found, row, seen, buffer) != found.matrix.shape[1]:
            found.kinds[row] = ODD


@inlined
def _map(
    data: Bytes, at: int, end: int, fields: Fields, found: Found, row: int, seen: Ints,
    buffer: Words,
) -> int:  # fmt: skip
    """How many features the map has; -1 for one that is odd."""
    at, left = _header(data, at, end)
    count, expected, features = 0, 0, found.matrix.shape[1]
    while left > 0:
        left -= 1
        field, stop = expected, _same(data, at, end, fields, expected)
        if stop < 0:
            first, stop = _text(data, at, end)
            if stop < 0:
                return -1
            field = name_at(data, first, stop, fields)
        at = stop
        stop, kind, value = _value(data, at, end, buffer)
        if stop < 0:
            return -1
        # As in scan_json. One helper for both was slower when tried: 1.4 to 1.8 us a row of JSON
        # instead of 0.8 to 1.3.
        numeric = FALSE <= kind <= NUMBER
        if field < 0:
            if numeric and fields.closed:
                return -1
        elif field >= features:
            which = field - features
            found.kinds[row, which], found.values[row, which] = kind, value
            found.spans[row, which, 0], found.spans[row, which, 1] = at, stop
        else:
            if not numeric:
                return -1
            found.matrix[row, field] = value
            if seen[field] != row:
                seen[field] = row
                count += 1
            expected = field + 1
        at = stop
    return count if left == 0 and at == end else -1


@inlined
def _header(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Behind the head of a map, and how many pairs it has; -1 where none begins here."""
    if at < end and _FIXMAP <= data[at] < _FIXMAP + 16:
        return at + 1, whole(data[at]) - _FIXMAP
    if at + 2 < end and data[at] == _MAP16:
        return at + 3, (whole(data[at + 1]) << 8) | whole(data[at + 2])
    return at, -1


@inlined
def _same(data: Bytes, at: int, end: int, fields: Fields, field: int) -> int:
    """Behind the name of this field, where it stands here in its short form; else -1."""
    first = fields.ends[field - 1] if field > 0 else 0
    length = fields.ends[field] - first
    if length == 0 or at + length >= end or data[at] != _FIXSTR + length:
        return -1
    for j in range(length):
        if fields.names[first + j] != data[at + 1 + j]:
            return -1
    return at + 1 + length if length <= _LONGEST_FIXSTR else -1


@inlined
def _text(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Where the text that begins here has its first byte, and its end; -1 for an odd one."""
    if at >= end:
        return at, -1
    byte = whole(data[at])
    if _FIXSTR <= byte <= _FIXSTR + _LONGEST_FIXSTR:
        at, length = at + 1, byte - _FIXSTR
    elif byte == _STR8 and at + 1 < end and data[at + 1] > _LONGEST_FIXSTR:
        at, length = at + 2, whole(data[at + 1])
    elif byte == _STR16 and at + 2 < end and data[at + 1] > 0:
        at, length = at + 3, (whole(data[at + 1]) << 8) | whole(data[at + 2])
    else:
        return at, -1
    if at + length > end:
        return at, -1
    for i in range(at, at + length):
        if data[i] > 127:
            return at, -1
    return at, at + length


@inlined
def _value(data: Bytes, at: int, end: int, buffer: Words) -> tuple[int, int, float]:
    """Behind the value that begins here, what it is, and its number; -1 for an odd one."""
    if at >= end:
        return -1, ODD, 0.0
    byte = whole(data[at])
    if byte in (_FLOAT64, _FLOAT32):
        return _float(data, at + 1, end, 8 if byte == _FLOAT64 else 4, buffer)
    if byte < _FIXMAP:
        return at + 1, INTEGER, float(byte)
    if byte >= _NEGATIVE:
        return at + 1, INTEGER, float(byte - 256)
    if byte == _TRUE:
        return at + 1, TRUE, 1.0
    if byte == _FALSE:
        return at + 1, FALSE, 0.0
    if byte == _NIL:
        return at + 1, NOTHING, 0.0
    if _UINT8 <= byte < _UINT8 + 4:
        return _unsigned(data, at + 1, end, 1 << (byte - _UINT8))
    if _INT8 <= byte < _INT8 + 4:
        return _signed(data, at + 1, end, 1 << (byte - _INT8))
    _, stop = _text(data, at, end)
    return stop, TEXT, 0.0


@inlined
def _float(data: Bytes, at: int, end: int, width: int, buffer: Words) -> tuple[int, int, float]:
    if at + width > end:
        return -1, ODD, 0.0
    buffer[0] = _word(data, at, width)
    value = buffer.view(np.float64)[0] if width == 8 else float(buffer.view(np.float32)[0])
    if not math.isfinite(value):
        return -1, ODD, 0.0
    return at + width, NUMBER, value


@helper
def _word(data: Bytes, at: int, width: int) -> np.uint64:
    word = np.uint64(0)
    for i in range(width):
        word = (word << np.uint64(8)) | np.uint64(data[at + i])
    return word


@helper
def _unsigned(data: Bytes, at: int, end: int, width: int) -> tuple[int, int, float]:
    """An unsigned integer; odd where a shorter form would do."""
    if at + width > end:
        return -1, ODD, 0.0
    word = _word(data, at, width)
    shorter = np.uint64(8 * width // 2) if width > 1 else np.uint64(7)
    if word >> shorter == np.uint64(0):
        return -1, ODD, 0.0
    return at + width, INTEGER, float(word)


@helper
def _signed(data: Bytes, at: int, end: int, width: int) -> tuple[int, int, float]:
    """A negative integer; odd where a shorter form would do, or where it is not negative."""
    if at + width > end or data[at] < 128:
        return -1, ODD, 0.0
    word = _word(data, at, width)
    if width < 8:
        word |= ~np.uint64(0) << np.uint64(8 * width)
    value = np.int64(word)
    shortest = -32 if width == 1 else -(1 << (4 * width - 1))
    if value >= shortest:
        return -1, ODD, 0.0
    return at + width, INTEGER, float(value)
