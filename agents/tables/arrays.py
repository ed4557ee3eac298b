"""The arrays that a table lies in: made, made longer, in memory or in a file."""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np

from agents.tables.bytes import GRANULE
from agents.words import Bytes
from learners.engine.kernels import Ints

MAPPED = 1 << 18
"""Bytes from which an array has memory of its own."""


def joined_bytes(parts: Sequence[bytes]) -> tuple[Bytes, Ints]:
    """Bytes one behind the other, and where each ends."""
    ends = np.fromiter(accumulate(map(len, parts)), np.int64, len(parts))
    return np.frombuffer(bytearray().join(parts), np.uint8), ends


def longer(array: Any, count: int) -> Any:
    """An array with room for so many; what is new is 0."""
    made = zeros(count, array.dtype)
    made[: len(array)] = array
    return made


def zeros(count: int, dtype: Any) -> Any:
    """An array of zeros; a large one has memory of its own, which goes back when it is freed."""
    size = count * np.dtype(dtype).itemsize
    if size < MAPPED:
        return np.zeros(count, dtype)
    return np.frombuffer(mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), dtype)


def new_arena(size: int, folder: Path | None) -> dict[str, Any]:
    """An arena, under both types."""
    granules = -(-size // GRANULE)
    if folder is None:
        cells = zeros(granules, np.int32)
    else:
        with TemporaryFile(dir=folder) as file:  # it has no name: nothing is left when we die
            _allocate(file.fileno(), granules * GRANULE)
            cells = np.frombuffer(mmap.mmap(file.fileno(), granules * GRANULE), np.int32)
    return {"arena": cells.view(np.uint8), "granules": cells}


def _allocate(file: int, size: int) -> None:
    """A full disk is an error here; later it would be a signal that kills the process."""
    if sys.platform == "linux":
        os.posix_fallocate(file, 0, size)
    else:
        os.ftruncate(file, size)
