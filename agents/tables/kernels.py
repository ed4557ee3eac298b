"""The memory of a table, and what is done with one entry of it; compiled.

An entry has a slot. Slots are found by an open hash with linear probing (Knuth, The Art of
Computer Programming 3, 6.4, algorithms L and R) over a hash of the key that nobody outside can
foresee. Key and value lie in the arena, behind the lengths of both. What was freed there is used
again for an entry of the same size class. Slots are also in a list of each bucket, by the first
bits of their keys' CRC-32: so a part of a state is found without a look at the rest.

Whoever calls one of these has made room first: see `agents.tables.table`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.tables.bytes import (
    GRANULE,
    HASH_BITS,
    class_of,
    copy,
    crc_of,
    entry_at,
    room_of,
    size_of,
    write_length,
)
from agents.words import Bytes
from learners.engine.kernels import Ints, helper, kernel

Slots = NDArray[np.int32]

# fmt: off
(
    USED, LIVE, DEAD, FREE, FREED, END, HELD, CHANGED, COUNT, TOTAL, NOTES, SEED, PREFIX,
    PATCHED, PATCH_END,
) = range(15)
# fmt: on
"""Numbers of a table: slots that were ever used; entries; slots that wait for `relink`; the first
free slot and 1, and how many are free; the end of the arena and what is held of it, in granules;
slots that changed, and what that did to count and total of the checksum; whether changes are
noted; the seed of the hash; the CRC-32 of the prefix; how many patches there are, and their
bytes."""
NUMBERS = 15

NOTED, GONE, PATCH = 1, 2, 4
"""Flags of a slot: it changed since the last `settle`; it has no entry any more; a patch says how
it changed."""


class Memory(NamedTuple):
    """The arrays of a table.

    Attributes:
        numbers: See above.
        index: A slot and 1, at the place of its hash; 0: none.
        at: By slot, where its entry lies in the arena, in granules; 0: it has none.
        hashes: By slot, of its key.
        following: By slot, the next one of its bucket and 1; or of the free slots.
        heads: By bucket, the first slot and 1.
        flags: By slot.
        changed: The slots that changed, in the order in which they did.
        free: By size class, where the first free piece of the arena is; 0: none.
        arena: Keys and values.
        granules: The same memory; a free piece begins with the place of the next one.
        patched: The slot of each patch; it counts only where the slot has the flag.
        patch_ends: Where each patch ends.
        patches: All patches, one behind the other; see `agents.tables.patches`.
    """

    numbers: Ints
    index: Slots
    at: Slots
    hashes: Slots
    following: Slots
    heads: Slots
    flags: Bytes
    changed: Slots
    free: Slots
    arena: Bytes
    granules: Slots
    patched: Slots
    patch_ends: Ints
    patches: Bytes


@helper
def _take(m: Memory, class_: int) -> int:
    """A piece of the arena."""
    piece, room = np.int64(m.free[class_]), room_of(class_)
    if piece > 0:
        m.free[class_] = m.granules[piece]
    else:
        piece = m.numbers[END]
        m.numbers[END] += room
    m.numbers[HELD] += room
    return piece


@helper
def _give(m: Memory, piece: int, class_: int) -> None:
    m.granules[piece] = m.free[class_]
    m.free[class_] = piece
    m.numbers[HELD] -= room_of(class_)


@helper
def find(m: Memory, keys: Bytes, start: int, end: int, h: int) -> int:
    """The slot of a key; -1 where it has none. It may be GONE."""
    places = m.index.shape[0]
    i = h * places >> HASH_BITS
    while m.index[i] > 0:
        slot = np.int64(m.index[i]) - 1
        if m.hashes[slot] == h:
            key, value, _ = entry_at(m.arena, m.at[slot])
            same = value - key == end - start
            j = 0
            while same and j < end - start:
                same = m.arena[key + j] == keys[start + j]
                j += 1
            if same:
                return slot
        i = i + 1 if i + 1 < places else 0
    return -1


@helper
def insert(m: Memory, slot: int) -> None:
    places = m.index.shape[0]
    i = np.int64(m.hashes[slot]) * places >> HASH_BITS
    while m.index[i] > 0:
        i = i + 1 if i + 1 < places else 0
    m.index[i] = slot + 1


@helper
def link(m: Memory, slot: int) -> None:
    key, value, _ = entry_at(m.arena, m.at[slot])
    crc = crc_of(m.arena, key, value, m.numbers[PREFIX])
    bucket = crc * m.heads.shape[0] >> 32
    m.following[slot] = m.heads[bucket]
    m.heads[bucket] = slot + 1


@helper
def _take_out(m: Memory, slot: int) -> None:
    """Out of the index; what follows moves up (Knuth's algorithm R)."""
    places = m.index.shape[0]
    i = np.int64(m.hashes[slot]) * places >> HASH_BITS
    while m.index[i] != slot + 1:
        i = i + 1 if i + 1 < places else 0
    j = i
    while True:
        j = j + 1 if j + 1 < places else 0
        if m.index[j] == 0:
            break
        home = np.int64(m.hashes[m.index[j] - 1]) * places >> HASH_BITS
        stays = i < home <= j if i < j else home > i or home <= j
        if not stays:
            m.index[i] = m.index[j]
            i = j
    m.index[i] = 0


@helper
def add(m: Memory, keys: Bytes, start: int, end: int, h: int, size: int) -> int:
    """The slot of a new entry, with room for a value of this size."""
    if m.numbers[FREE] > 0:
        slot = m.numbers[FREE] - 1
        m.numbers[FREE] = m.following[slot]
        m.numbers[FREED] -= 1
    else:
        slot = m.numbers[USED]
        m.numbers[USED] += 1
    m.hashes[slot] = h
    m.at[slot] = _placed(m, keys, start, end, size)
    insert(m, slot)
    link(m, slot)
    m.numbers[LIVE] += 1
    _note(m, slot)
    return slot


@helper
def _placed(m: Memory, keys: Bytes, start: int, end: int, size: int) -> int:
    piece = _take(m, class_of(end - start, size))
    at = write_length(m.arena, piece * GRANULE, end - start)
    at = write_length(m.arena, at, size)
    copy(keys, start, end, m.arena, at)
    return piece


@helper
def _note(m: Memory, slot: int) -> None:
    if m.numbers[NOTES] and m.flags[slot] == 0:
        m.flags[slot] = NOTED
        m.changed[m.numbers[CHANGED]] = slot
        m.numbers[CHANGED] += 1


@helper
def _weigh(m: Memory, slot: int, sign: int) -> None:
    """Add an entry to the checksum, or take it out."""
    key, value, end = entry_at(m.arena, m.at[slot])
    crc = crc_of(m.arena, key, value, m.numbers[PREFIX])
    m.numbers[COUNT] += sign
    m.numbers[TOTAL] += sign * crc_of(m.arena, value, end, crc)


@helper
def change(m: Memory, slot: int, size: int) -> int:
    """An entry gets another value, of this size: returns where that is to be written."""
    if m.flags[slot] & GONE:
        m.flags[slot] = NOTED
        m.numbers[LIVE] += 1
    elif m.numbers[NOTES] and m.flags[slot] == 0:
        _weigh(m, slot, -1)
        _note(m, slot)
    m.flags[slot] &= ~PATCH & 255
    key, value, end = entry_at(m.arena, m.at[slot])
    if size != end - value:
        before, now = class_of(value - key, end - value), class_of(value - key, size)
        if before != now or size_of(size) != size_of(end - value):
            piece = np.int64(m.at[slot])
            m.at[slot] = _placed(m, m.arena, key, value, size)
            _give(m, piece, before)
        else:
            write_length(m.arena, key - size_of(size), size)
        key, value, end = entry_at(m.arena, m.at[slot])
    return value


@helper
def remove(m: Memory, slot: int) -> None:
    """An entry goes; where changes are noted its slot and key stay until `settle`."""
    m.numbers[LIVE] -= 1
    if not m.numbers[NOTES]:
        _drop(m, slot)
        return
    if m.flags[slot] == 0:
        _weigh(m, slot, -1)
        _note(m, slot)
    m.flags[slot] = NOTED | GONE


@helper
def _drop(m: Memory, slot: int) -> None:
    _take_out(m, slot)
    key, value, end = entry_at(m.arena, m.at[slot])
    _give(m, np.int64(m.at[slot]), class_of(value - key, end - value))
    m.at[slot] = 0
    m.flags[slot] = 0
    m.numbers[DEAD] += 1


@kernel
def settle(m: Memory) -> None:
    """What changed is written: the checksum gets it, and slots without an entry go."""
    for i in range(m.numbers[CHANGED]):
        slot = np.int64(m.changed[i])
        if m.flags[slot] & GONE:
            _drop(m, slot)
        else:
            _weigh(m, slot, 1)
            m.flags[slot] = 0
    m.numbers[CHANGED] = m.numbers[PATCHED] = m.numbers[PATCH_END] = 0
