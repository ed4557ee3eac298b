"""How an entry lies in the arena of a table: the lengths of key and value, then both; compiled."""

from __future__ import annotations

from zlib import crc32

import numpy as np

from agents.words import WORD, Bytes, load, store
from learners.engine.kernels import Ints, helper, njit

GRANULE = 4
"""Bytes: the arena is given out in such."""
EXACT = 1024
"""Granules up to which there is a size class for each size; beyond, for each power of two."""
CLASSES = EXACT + 32
HASH_BITS = 31
HASH_MASK = (1 << HASH_BITS) - 1
CRC_MASK = (1 << 32) - 1
_LOW, _HALF = np.uint64(CRC_MASK), np.uint64(32)


def _crc_tables() -> Ints:
    """For the CRC-32 of zlib eight bytes at a time (Kounavis and Berry, 2008)."""
    tables = np.zeros((8, 256), np.int64)
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xEDB88320 if crc & 1 else 0)
        tables[0, byte] = crc
    for k in range(1, 8):
        tables[k] = tables[0][tables[k - 1] & 255] ^ tables[k - 1] >> 8
    return tables


_CRC = _crc_tables()


@helper
def crc_of(data: Bytes, start: int, end: int, crc: int) -> int:
    """As ``zlib.crc32(data[start:end], crc)``."""
    c, i = crc ^ CRC_MASK, start
    while i + WORD <= end:
        word = load(data, i)
        low, high = c ^ np.int64(word & _LOW), np.int64(word >> _HALF)
        c = (
            _CRC[7, low & 255]
            ^ _CRC[6, low >> 8 & 255]
            ^ _CRC[5, low >> 16 & 255]
            ^ _CRC[4, low >> 24]
            ^ _CRC[3, high & 255]
            ^ _CRC[2, high >> 8 & 255]
            ^ _CRC[1, high >> 16 & 255]
            ^ _CRC[0, high >> 24]
        )
        i += WORD
    while i < end:
        c = _CRC[0, (c ^ np.int64(data[i])) & 255] ^ c >> 8
        i += 1
    return c ^ CRC_MASK


@helper
def hash_of(data: Bytes, start: int, end: int, seed: int) -> int:
    """Of a key; the seed is odd and secret, so nobody can send ids that have one hash."""
    h = seed
    for i in range(start, end):
        h = (h ^ np.int64(data[i])) * seed & HASH_MASK
    return (h ^ h >> 15) * seed & HASH_MASK


@helper
def entry_at(arena: Bytes, granule: int) -> tuple[int, int, int]:
    """Where the key begins, and the value, and where that ends."""
    i = np.int64(granule) * GRANULE
    key, value, shift = np.int64(0), np.int64(0), 0
    while arena[i] >= 128:
        key |= (np.int64(arena[i]) & 127) << shift
        shift += 7
        i += 1
    key |= np.int64(arena[i]) << shift
    i, shift = i + 1, 0
    while arena[i] >= 128:
        value |= (np.int64(arena[i]) & 127) << shift
        shift += 7
        i += 1
    value |= np.int64(arena[i]) << shift
    i += 1
    return i, i + key, i + key + value


@helper
def copy(source: Bytes, start: int, end: int, target: Bytes, at: int) -> int:
    """Copy bytes; returns where they end."""
    count = end - start
    words = count // WORD * WORD
    for i in range(0, words, WORD):
        store(target, at + i, load(source, start + i))
    for i in range(words, count):
        target[at + i] = source[start + i]
    return at + count


if njit is None:  # byte by byte Python would take a hundred times as long

    def crc_of(data: Bytes, start: int, end: int, crc: int) -> int:
        """As ``zlib.crc32(data[start:end], crc)``."""
        return crc32(data[start:end].tobytes(), crc)

    def copy(source: Bytes, start: int, end: int, target: Bytes, at: int) -> int:
        """Copy bytes; returns where they end."""
        target[at : at + end - start] = source[start:end]
        return at + end - start


@helper
def write_length(arena: Bytes, at: int, length: int) -> int:
    while length >= 128:
        arena[at] = length & 127 | 128
        length >>= 7
        at += 1
    arena[at] = length
    return at + 1


@helper
def size_of(length: int) -> int:
    size = 1
    while length >= 128:
        length >>= 7
        size += 1
    return size


@helper
def class_of(key: int, value: int) -> int:
    """The size class of an entry, by the lengths of key and value."""
    granules = (key + value + size_of(key) + size_of(value) + GRANULE - 1) // GRANULE
    if granules <= EXACT:
        return granules
    found = EXACT + 1
    while EXACT << (found - EXACT) < granules:
        found += 1
    return found


@helper
def room_of(class_: int) -> int:
    """Granules of a size class."""
    return class_ if class_ <= EXACT else EXACT << (class_ - EXACT)
