"""Entries of a state: which part of the keys they are of, and many of them at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple
from zlib import crc32

import msgspec
import numpy as np
from numpy.typing import NDArray

HASHES = 1 << 32
"""How many values a CRC-32 may have."""
LARGE = 64 * 1024
"""A value of more bytes has records of its own on Kafka: it is not packed with others."""

_BESIDES = 32
"""Bytes of a record besides packed entries, at the most."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, bytes | None]).decode


class Part(NamedTuple):
    """The keys whose CRC-32 begins with certain bits.

    Attributes:
        bits: How many bits; 0: all keys.
        prefix: Their value.

    >>> Part(2, 3).first == 0xC0000000, Part(2, 3).end == HASHES
    (True, True)
    """

    bits: int
    prefix: int

    @classmethod
    def at(cls, first: int, bits: int) -> Part:
        """That of ``bits`` bits which begins with this CRC-32."""
        return cls(bits, first >> (32 - bits))

    @property
    def first(self) -> int:
        """The smallest CRC-32."""
        return self.prefix << (32 - self.bits)

    @property
    def end(self) -> int:
        """The first CRC-32 behind it."""
        return (self.prefix + 1) << (32 - self.bits)

    def has(self, key: str) -> bool:
        """Whether a key belongs to it."""
        return self.first <= crc32(key.encode()) < self.end


class PackedEntries(NamedTuple):
    """Entries as the items of a map in MessagePack: key, value, key, value.

    Attributes:
        items: All of them.
        ends: Where each item ends.
    """

    items: NDArray[np.uint8]
    ends: NDArray[np.int64]

    def decode(self) -> dict[str, bytes | None]:
        """By key; None for an entry that is gone."""
        return _decode(_header(len(self.ends)) + self.items.tobytes())


class Entries(Mapping[str, bytes | None]):
    """Entries by key; None marks one that is gone.

    Args:
        plain: Some of them.
        packed: The others; they are read only if somebody asks for them by key.
        patches: How further ones have changed, which are not among these; see
            ``agents.tables.patches``.
    """

    def __init__(
        self,
        plain: Mapping[str, bytes | None],
        packed: Sequence[PackedEntries] = (),
        patches: Sequence[PackedEntries] = (),
    ) -> None:
        self.plain = plain
        self.packed = packed
        self.patches = [some for some in patches if len(some.ends)]

    def __getitem__(self, key: str) -> bytes | None:
        return self.plain[key] if key in self.plain else self._read[key]

    def __iter__(self) -> Iterator[str]:
        yield from self.plain
        yield from self._read

    def __len__(self) -> int:
        return len(self.plain) + sum(len(some.ends) for some in self.packed)

    def __repr__(self) -> str:
        return repr(dict(self))

    def encode(self) -> bytes:
        """A map in MessagePack."""
        items = _encode(self.plain)[len(_header(len(self.plain))) :]
        return b"".join([_header(len(self)), items, *(some.items.data for some in self.packed)])

    def encode_patches(self) -> bytes:
        """A map in MessagePack."""
        count = sum(len(some.ends) for some in self.patches)
        return b"".join([_header(count), *(some.items.data for some in self.patches)])

    def parcels(self, most: int) -> Iterator[Entries]:
        """Parts of them; each takes at most so many bytes, unless it is one entry."""
        packed = [*self.packed, *self.patches]
        size = sum(len(some.items) for some in packed) + _BESIDES * bool(packed)
        if _most_bytes(self.plain) + size <= most:
            if len(self) or self.patches:
                yield self
            return
        yield from map(Entries, _plain_parcels(self.plain, most))
        for some in self.packed:
            yield from (Entries({}, (part,)) for part in _packed_parcels(some, most))
        for some in self.patches:
            yield from (Entries({}, (), (part,)) for part in _packed_parcels(some, most))

    @cached_property
    def _read(self) -> dict[str, bytes | None]:
        return {key: value for some in self.packed for key, value in some.decode().items()}


def _header(count: int) -> bytes:
    """Of a map of so many items."""
    if count < 16:
        return bytes([0x80 | count])
    if count < 1 << 16:
        return b"\xde" + count.to_bytes(2, "big")
    return b"\xdf" + count.to_bytes(4, "big")


def _plain_parcels(
    entries: Mapping[str, bytes | None], most: int
) -> Iterator[dict[str, bytes | None]]:
    parcel: dict[str, bytes | None] = {}
    size = 0
    for key, value in entries.items():
        more = _most_bytes({key: value})
        if size + more > most and parcel:
            yield parcel
            parcel, size = {}, 0
        parcel[key] = value
        size += more
    if parcel:
        yield parcel


def _packed_parcels(entries: PackedEntries, most: int) -> Iterator[PackedEntries]:
    first, start = 0, 0
    while first < len(entries.ends):
        last = int(np.searchsorted(entries.ends, start + most - _BESIDES, side="right"))
        last = max(last, first + 1)
        end = int(entries.ends[last - 1])
        yield PackedEntries(entries.items[start:end], entries.ends[first:last] - start)
        first, start = last, end


def _most_bytes(entries: Mapping[str, bytes | None]) -> int:
    """Bytes that these take in a record at the most."""
    values = sum(map(len, filter(None, entries.values())))
    return values + 4 * sum(map(len, entries)) + 10 * len(entries)
