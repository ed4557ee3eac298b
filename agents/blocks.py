"""Blocks of many operations in one record, none of them too large."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

B = TypeVar("B")

LARGEST_BLOCK = 512 * 1024
"""Bytes that a block has at the most, unless it is of a single operation."""


def blocks(
    whole: B,
    count: int,
    encode: Callable[[B], bytes],
    part: Callable[[B, range], B],
    most: int | None = None,
) -> Iterator[tuple[B, bytes]]:
    """What is to be written, halved until each block is small enough; and each one encoded.

    Args:
        whole: All of it.
        count: Of its operations.
        encode: Makes the value of a record.
        part: Those at these places.
        most: Operations that a block may have; None for any number.
    """
    if most is not None and count > most:
        for first in range(0, count, most):
            some = range(first, min(first + most, count))
            yield from blocks(part(whole, some), len(some), encode, part)
        return
    value = encode(whole)
    if len(value) <= LARGEST_BLOCK or count <= 1:
        yield whole, value
        return
    for half in (range(count // 2), range(count // 2, count)):
        yield from blocks(part(whole, half), len(half), encode, part)
