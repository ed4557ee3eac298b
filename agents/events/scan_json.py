"""The declared fields of JSON events, read straight into columns, compiled.

It takes what nearly all events look like: one flat object; names and texts of printable ASCII
without escapes; numbers of up to 19 significant digits. Whatever else an event has, its row is
marked as odd and left to the decoder that takes all of JSON, which also says what is wrong with
it. So this file may be strict, but never wrong: a row that it takes has the bits of the decoder.
"""

from __future__ import annotations

import math

import numpy as np

from agents.events.decimals import MOST_DIGITS, nearest
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

_QUOTE, _BACKSLASH, _OPEN, _CLOSE, _COLON, _COMMA = b'"\\{}:,'
_MINUS, _PLUS, _POINT, _0, _9, _e, _E, _t, _f, _n = b"-+.09eEtfn"
_SPACE, _TAB, _LF, _CR = b" \t\n\r"
_TRUE, _FALSE, _NULL = (np.frombuffer(word, np.uint8) for word in (b"true", b"false", b"null"))
_LAST_PRINTABLE = 126
_MOST_EXPONENT = 10_000


@kernel
def scan(data: Bytes, bounds: Ints, fields: Fields, found: Found) -> None:
    """Read all rows; see `scanned.Found`."""
    seen = np.full(found.matrix.shape[1], -1, np.int64)
    for row in range(bounds.shape[0] - 1):
        found.kinds[row] = NOTHING
        count = _object(data, bounds[row], bounds[row + 1] - 1, fields, found, row, seen)
        if count != found.matrix.shape[1]:
            found.kinds[row] = ODD


@helper
def _object(
    data: Bytes, at: int, end: int, fields: Fields, found: Found, row: int, seen: Ints
) -> int:
    """How many features the object has; -1 for one that is odd.

    The line feed behind each row ends every loop over its bytes.
    """
    count, expected, features = 0, 0, found.matrix.shape[1]
    at = _blank(data, at, end)
    if data[at] != _OPEN:
        return -1
    at = _blank(data, at + 1, end)
    while True:
        if data[at] != _QUOTE:
            return -1
        field, stop = expected, _same(data, at + 1, fields, expected)
        if stop < 0:
            stop = _text(data, at)
            if stop < 0:
                return -1
            field = name_at(data, at + 1, stop - 1, fields)
        if data[stop] <= _SPACE:
            stop = _blank(data, stop, end)
        if data[stop] != _COLON:
            return -1
        at = stop + 1
        if data[at] <= _SPACE:
            at = _blank(data, at, end)
        stop, kind, value = _value(data, at)
        if stop < 0:
            return -1
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
        if data[stop] <= _SPACE:
            stop = _blank(data, stop, end)
        if data[stop] != _COMMA:
            return count if data[stop] == _CLOSE and _blank(data, stop + 1, end) == end else -1
        at = stop + 1
        if data[at] <= _SPACE:
            at = _blank(data, at, end)


@helper
def _blank(data: Bytes, at: int, end: int) -> int:
    """The next byte that is no white space, at most `end`."""
    while data[at] <= _SPACE and at < end:
        byte = data[at]
        if byte not in (_SPACE, _LF, _TAB, _CR):
            break
        at += 1
    return at


@inlined
def _same(data: Bytes, at: int, fields: Fields, field: int) -> int:
    """Behind the name of this field and its quote, where it stands here; else -1."""
    first = fields.ends[field - 1] if field > 0 else 0
    if first == fields.ends[field]:
        return -1
    for j in range(first, fields.ends[field]):
        if fields.names[j] != data[at]:
            return -1
        at += 1
    return at + 1 if data[at] == _QUOTE else -1


@helper
def _text(data: Bytes, at: int) -> int:
    """Behind the text that begins here with a quote; -1 for an odd one."""
    at += 1
    while data[at] != _QUOTE:
        byte = data[at]
        if byte < _SPACE or byte > _LAST_PRINTABLE or byte == _BACKSLASH:
            return -1
        at += 1
    return at + 1


@inlined
def _value(data: Bytes, at: int) -> tuple[int, int, float]:
    """Behind the value that begins here, what it is, and its number; -1 for an odd one."""
    byte = data[at]
    if byte == _MINUS or _0 <= byte <= _9:
        return _number(data, at)
    if byte == _QUOTE:
        return _text(data, at), TEXT, 0.0
    if byte == _t:
        return _word(data, at, _TRUE), TRUE, 1.0
    if byte == _f:
        return _word(data, at, _FALSE), FALSE, 0.0
    if byte == _n:
        return _word(data, at, _NULL), NOTHING, 0.0
    return -1, ODD, 0.0


@helper
def _word(data: Bytes, at: int, word: Bytes) -> int:
    for i in range(word.shape[0]):
        if data[at] != word[i]:
            return -1
        at += 1
    return at


@inlined
def _number(data: Bytes, at: int) -> tuple[int, int, float]:
    """Behind the number that begins here, its kind and value; -1 for an odd one."""
    negative = data[at] == _MINUS
    if negative:
        at += 1
    first, kind, exponent, digits = at, INTEGER, 0, np.uint64(0)
    while _0 <= data[at] <= _9:
        digits = digits * np.uint64(10) + np.uint64(data[at] - _0)
        at += 1
    count = at - first
    if count == 0 or (count > 1 and data[first] == _0):
        return -1, ODD, 0.0
    if data[at] == _POINT:
        kind = NUMBER
        at += 1
        point = at
        while _0 <= data[at] <= _9:
            digits = digits * np.uint64(10) + np.uint64(data[at] - _0)
            at += 1
        exponent = point - at
        if exponent == 0:
            return -1, ODD, 0.0
        count -= exponent
    if data[at] == _e or data[at] == _E:
        kind = NUMBER
        at, more = _exponent(data, at + 1)
        if at < 0:
            return -1, ODD, 0.0
        exponent += more
    if count > MOST_DIGITS and count - _leading_zeros(data, first) > MOST_DIGITS:
        return -1, ODD, 0.0  # `digits` may have overflowed
    if negative and kind == INTEGER and digits == np.uint64(0):
        return -1, ODD, 0.0  # -0 is the integer 0 to one decoder, a negative zero to another
    value = nearest(digits, exponent)
    if math.isnan(value):
        return -1, ODD, 0.0
    return at, kind, -value if negative else value


@helper
def _leading_zeros(data: Bytes, at: int) -> int:
    """How many zeros a number begins with: they are no significant digits."""
    count = 0
    while data[at] == _0 or data[at] == _POINT:
        count += data[at] == _0
        at += 1
    return count


@helper
def _exponent(data: Bytes, at: int) -> tuple[int, int]:
    """Behind the exponent, and what it is; -1 where there is none, or a huge one."""
    negative = data[at] == _MINUS
    if negative or data[at] == _PLUS:
        at += 1
    first, exponent = at, 0
    while _0 <= data[at] <= _9:
        exponent = exponent * 10 + whole(data[at] - _0)
        if exponent > _MOST_EXPONENT:
            return -1, 0
        at += 1
    if at == first:
        return -1, 0
    return at, -exponent if negative else exponent
