"""Eight bytes at a time, for compiled loops over bytes.

A copy of a few bytes costs a loop over bytes ten times what it costs by words, and Numba has no
other way to read a word from any place of an array of bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from learners.engine.kernels import Ints, inlined, kernel, njit

Bytes = NDArray[np.uint8]

WORD = 8
"""Bytes. What is read or written may reach so many bytes, less one, behind what is meant."""


def load(data: Bytes, at: int) -> Any:
    """The word that begins at a byte."""
    return data[at : at + WORD].copy()


def store(data: Bytes, at: int, word: Any) -> None:
    """Write a word from a byte on."""
    data[at : at + WORD] = word


if njit is not None:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    def _place(context: Any, builder: Any, type_: Any, array: Any, at: Any) -> Any:
        data = context.make_array(type_)(context, builder, array).data
        return builder.bitcast(builder.gep(data, [at]), ir.IntType(64).as_pointer())

    @intrinsic
    def load(_: Any, data: Any, at: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            word = builder.load(_place(context, builder, signature.args[0], *values))
            word.align = 1
            return word

        return types.uint64(data, types.int64), build

    @intrinsic
    def store(_: Any, data: Any, at: Any, word: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            array, place, value = values
            done = builder.store(value, _place(context, builder, signature.args[0], array, place))
            done.align = 1
            return context.get_dummy_value()

        return types.void(data, types.int64, types.uint64), build


@inlined
def whole(byte: Any) -> Any:
    """A byte as an integer: Numba makes floats of bytes and integers together."""
    return np.int64(byte)


@kernel
def interleave(pieces: Bytes, ends: Ints, data: Bytes, spans: Ints, out: Bytes) -> None:
    """Write rows: a piece, the text of the first column, the next piece, and so on.

    Args:
        pieces: One behind the other; one more than there are columns. `WORD` bytes follow.
        ends: Where each ends.
        data: The texts of all columns. `WORD` bytes follow.
        spans: Where each text begins and ends, of shape (columns, rows, 2).
        out: Where to; with `WORD` bytes more than are written.
    """
    to = 0
    for row in range(spans.shape[1]):
        first = 0
        for column in range(ends.shape[0]):
            length = ends[column] - first
            for i in range(0, length, WORD):
                store(out, to + i, load(pieces, first + i))
            first += length
            to += length
            if column < spans.shape[0]:
                at = spans[column, row, 0]
                length = spans[column, row, 1] - at
                for i in range(0, length, WORD):
                    store(out, to + i, load(data, at + i))
                to += length
