"""What is mixed as bytes, and back: MessagePack, compressed, with numbers as arrays of doubles."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgpack
import numpy as np

from learners.errors import LearnerError
from learners.mixing.exact import Buckets, Moments
from learners.mixing.mixture import Mixed
from learners.mixing.numbers import Numbers

MOST = 64 * 1024 * 1024
"""Bytes that may come out of the decompression."""


class NotMixed(LearnerError):
    """Bytes that are nothing that can be mixed."""


def encode(mixed: Mixed) -> bytes:
    """As bytes; ``decode`` reads them."""
    numbers = mixed.numbers
    names = numbers.names
    content = [
        numbers.count,
        names,
        {key: _doubles(values.values()) for key, values in numbers.columns.items()},
        dict(numbers.others),
        [_moments(each, names) for each in mixed.moments],
        [_buckets(each) for each in mixed.buckets],
    ]
    return zlib.compress(msgpack.packb(content))


def decode(value: bytes) -> Mixed:
    """What ``encode`` was given.

    Raises NotMixed.
    """
    try:
        unzip = zlib.decompressobj()
        count, names, columns, others, moments, buckets = msgpack.unpackb(
            unzip.decompress(value, MOST), strict_map_key=False
        )
        numbers = Numbers(
            count,
            {
                key: dict(zip(names, _floats(values), strict=True))
                for key, values in columns.items()
            },
            {key: _finite(float(number)) for key, number in others.items()},
        )
        return Mixed(
            numbers,
            tuple(_read_moments(each, names) for each in moments),
            tuple(_read_buckets(each) for each in buckets),
        )
    except Exception as error:  # whatever somebody else has written there
        raise NotMixed(f"no model to mix ({type(error).__name__}: {error})") from error


def _moments(moments: Mapping[str, Moments], names: Sequence[str]) -> list[Any]:
    """The names are left out where they are those of the learner."""
    own = list(moments)
    columns = list(zip(*moments.values(), strict=True)) or [(), (), ()]
    return [None if own == list(names) else own, *map(_doubles, columns)]


def _read_moments(said: Any, names: Sequence[str]) -> dict[str, Moments]:
    own, *columns = said
    known = names if own is None else own
    rows = zip(*map(_floats, columns), strict=True)
    return {name: Moments(*row) for name, row in zip(known, rows, strict=True)}


def _buckets(buckets: Buckets) -> list[Any]:
    return [[name, list(counts), list(counts.values())] for name, counts in buckets.items()]


def _read_buckets(said: Any) -> dict[str, dict[int, int]]:
    return {name: dict(zip(at, counts, strict=True)) for name, at, counts in said}


def _doubles(values: Any) -> bytes:
    return np.array(list(values), "<f8").tobytes()


def _floats(values: bytes) -> list[float]:
    found = np.frombuffer(values, "<f8")
    if not np.isfinite(found).all():
        raise ValueError("a number that is not finite")
    floats: list[float] = found.tolist()
    return floats


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("a number that is not finite")
    return value
