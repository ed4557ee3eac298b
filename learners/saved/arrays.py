"""MessagePack with NumPy arrays as an extension type."""

from __future__ import annotations

from typing import Any

import msgpack
import numpy as np

from learners.errors import NotSnapshotable, SnapshotDamaged

ARRAY = 1
_KINDS = {"<f8", "<i8"}


def pack(value: Any) -> bytes:
    """Numbers, strings, lists, dicts and arrays of float64 or int64. Raises NotSnapshotable."""
    try:
        packed: bytes = msgpack.packb(value, default=_array)
    except (TypeError, ValueError, OverflowError) as error:
        raise NotSnapshotable(str(error)) from error
    return packed


def unpack(data: bytes) -> Any:
    """What `pack` was given; tuples have become lists. Raises SnapshotDamaged."""
    try:
        return msgpack.unpackb(data, ext_hook=_hook, strict_map_key=False)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise SnapshotDamaged(f"no MessagePack: {error}") from error


def _array(value: Any) -> msgpack.ExtType:
    if isinstance(value, np.ndarray):
        little = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
        if little.dtype.str in _KINDS:
            parts = (little.dtype.str, value.shape, little.tobytes())
            return msgpack.ExtType(ARRAY, msgpack.packb(parts))
    raise TypeError(f"{type(value).__name__} cannot be written")


def _hook(code: int, data: bytes) -> Any:
    kind, shape, cells = msgpack.unpackb(data)
    if code != ARRAY or kind not in _KINDS:
        raise ValueError(f"unknown extension {code} {kind!r}")
    return np.frombuffer(cells, kind).reshape(shape).copy()
