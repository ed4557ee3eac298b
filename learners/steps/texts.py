"""Values of categories as texts, and a hash of texts that is the same everywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from learners.errors import WrongValue

_LONGEST = 64
_MASK = 0xFFFFFFFF


def field_names(features: Any) -> Sequence[str] | None:
    """The parameter `features`: a list of names, or None."""
    if features is None:
        return None
    listed = isinstance(features, (list, tuple))
    if not listed or not features or not all(isinstance(name, str) for name in features):
        raise WrongValue("features", features, "must be a list of names of fields")
    return list(features)


def written(value: Any) -> str:
    """A category as a text: 3, 3.0 and "3" are one.

    >>> [written(value) for value in ("de", 3, 3.0, 2.5, True)]
    ['de', '3', '3', '2.5', '1']
    """
    return value if isinstance(value, str) else repr(float(value)).removesuffix(".0")


def short(text: str) -> str:
    """The text, or its beginning and a digest where it is longer than 64 characters."""
    if len(text) <= _LONGEST:
        return text
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8)
    return f"{text[:32]}~{digest.hexdigest()}"


def murmur(data: bytes, seed: int) -> int:
    """MurmurHash3 x86_32 (Appleby, public domain), unsigned.

    >>> hex(murmur(b"hello", 0))
    '0x248bfa47'
    """
    h, whole = seed & _MASK, len(data) & ~3
    for at in range(0, whole, 4):
        h ^= _mixed(int.from_bytes(data[at : at + 4], "little"))
        h = (h << 13 | h >> 19) & _MASK
        h = (h * 5 + 0xE6546B64) & _MASK
    if whole < len(data):
        h ^= _mixed(int.from_bytes(data[whole:], "little"))
    h ^= len(data)
    h = ((h ^ h >> 16) * 0x85EBCA6B) & _MASK
    h = ((h ^ h >> 13) * 0xC2B2AE35) & _MASK
    return h ^ h >> 16


def _mixed(block: int) -> int:
    k = (block * 0xCC9E2D51) & _MASK
    k = (k << 15 | k >> 17) & _MASK
    return (k * 0x1B873593) & _MASK
