"""Encoded values as columns, and records made of them without an object for each.

A record is what its format has around its values, which is the same in every record, and the
values between. So a batch of records is two columns of bytes that are laid side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec
import numpy as np

from agents.words import WORD, Bytes, interleave, whole
from learners.engine.kernels import Ints, helper, kernel

_lines = msgspec.json.Encoder().encode_lines
_packed = msgspec.msgpack.Encoder().encode
_LINE_FEED = ord("\n")
FIRST_MARK = 8_123_456_789_012_345_601
"""The first of the numbers that stand in a sample for what differs from record to record."""
_SPARE = np.zeros(WORD, np.uint8)


class Texts(NamedTuple):
    """Some encoded values.

    Attributes:
        data: Holds them all.
        spans: Where each begins and ends, of shape (values, 2).
    """

    data: Bytes
    spans: Ints


def encoded(format_: str, values: Sequence[Any]) -> Texts:
    """Values in "json" or "msgpack"; scalars only."""
    return _of_json(values) if format_ == "json" else _of_msgpack(values)


def _of_json(values: Sequence[Any]) -> Texts:
    """A line a value: inside of a value JSON has no line feed."""
    data = np.frombuffer(_lines(values), np.uint8)
    ends = np.flatnonzero(data == _LINE_FEED)
    spans = np.empty((len(values), 2), np.int64)
    spans[:, 1] = ends
    spans[:1, 0] = 0
    spans[1:, 0] = ends[:-1] + 1
    return Texts(data, spans)


def _of_msgpack(values: Sequence[Any]) -> Texts:
    data = np.frombuffer(_packed(values), np.uint8)
    spans = np.empty((len(values), 2), np.int64)
    head = 1 if len(values) < 16 else 3 if len(values) < 65_536 else 5
    _scalars(data, head, spans)
    return Texts(data, spans)


@kernel
def _scalars(data: Bytes, at: int, spans: Ints) -> None:
    """Where the scalars of a MessagePack list begin and end."""
    for i in range(spans.shape[0]):
        spans[i, 0] = at
        at = end_of_scalar(data, at)
        spans[i, 1] = at


@helper
def end_of_scalar(data: Bytes, at: int) -> int:
    """Behind the scalar of MessagePack that begins here."""
    byte = whole(data[at])
    at += 1
    if 0xA0 <= byte < 0xC0:
        at += byte - 0xA0
    elif byte == 0xD9:
        at += 1 + whole(data[at])
    elif byte == 0xDA:
        at += 2 + (whole(data[at]) << 8) + whole(data[at + 1])
    elif 0xCA <= byte <= 0xCB:
        at += 4 if byte == 0xCA else 8
    elif 0xCC <= byte <= 0xD3:
        at += 1 << (byte & 3)
    return at


class Template:
    """Records of one kind, as far as they are the same.

    Args:
        sample: A whole record.
        marks: The values in it that differ from record to record, encoded, in their order.
    """

    def __init__(self, sample: bytes, marks: Sequence[bytes]) -> None:
        pieces = []
        for mark in marks:
            piece, found, sample = sample.partition(mark)
            assert found, mark
            pieces.append(piece)
        pieces.append(sample)
        self._pieces = np.frombuffer(b"".join([*pieces, bytes(WORD)]), np.uint8)
        self._ends = np.cumsum([len(piece) for piece in pieces], dtype=np.int64)

    def fill(self, columns: Sequence[Texts]) -> list[bytes]:
        """A record for each row of the columns, one for each mark."""
        out, bounds = self.lay(columns)
        whole = out.tobytes()
        return [whole[first:end] for first, end in pairwise(bounds.tolist())]

    def lay(self, columns: Sequence[Texts]) -> tuple[Bytes, Ints]:
        """As `fill`, one record behind the other; and where each begins, and the end."""
        starts = np.cumsum([0, *(len(column.data) for column in columns[:-1])])
        data = np.concatenate([*(column.data for column in columns), _SPARE])
        spans = np.stack([c.spans + start for c, start in zip(columns, starts, strict=True)])
        lengths = (spans[:, :, 1] - spans[:, :, 0]).sum(axis=0) + self._ends[-1]
        bounds = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=bounds[1:])
        out = np.empty(int(bounds[-1]) + WORD, np.uint8)
        interleave(self._pieces, self._ends, data, spans, out)
        return out, bounds
