"""How the value of an entry changed, where that is less than the value; compiled.

A patch is made of steps of 10 bytes: the place in the value, as two bytes, little-endian; and the
8 bytes that stand there now. So it may be applied twice.
"""

from __future__ import annotations

import numpy as np

from agents.entries import LARGE
from agents.tables.batches import write_head, write_key
from agents.tables.bytes import copy, entry_at, hash_of
from agents.tables.kernels import (
    GONE,
    NOTES,
    PATCH,
    PATCH_END,
    PATCHED,
    SEED,
    Memory,
    add,
    change,
    find,
)
from agents.words import Bytes
from learners.engine.kernels import Ints, helper, kernel

WORD = 8
"""Bytes that one step of a patch replaces."""
STEP = 2 + WORD
BLOCK = 32
"""Bytes that are compared at once."""


@kernel
def put(m: Memory, keys: Bytes, key_ends: Ints, values: Bytes, value_ends: Ints) -> None:
    """Set entries, one after another; those that have changed little get a patch."""
    start, first = np.int64(0), np.int64(0)
    for i in range(key_ends.shape[0]):
        end, last = key_ends[i], value_ends[i]
        h = hash_of(keys, start, end, m.numbers[SEED])
        slot = find(m, keys, start, end, h)
        noted = slot >= 0 and m.numbers[NOTES] != 0 and m.flags[slot] == 0
        begin = m.numbers[PATCH_END]
        if noted and _note_patch(m, slot, values, first, last):
            at = change(m, slot, last - first)
            _write(m.patches, begin, m.numbers[PATCH_END], m.arena, at, last - first)
            m.flags[slot] |= PATCH
        else:
            if slot < 0:
                slot = add(m, keys, start, end, h, last - first)
                _, at, _ = entry_at(m.arena, m.at[slot])
            else:
                at = change(m, slot, last - first)
            copy(values, first, last, m.arena, at)
        start, first = end, last


@helper
def _note_patch(m: Memory, slot: int, values: Bytes, first: int, last: int) -> bool:
    """Write the patch to this value, where it takes at most half of its bytes."""
    _, value, end = entry_at(m.arena, m.at[slot])
    size, at = end - value, m.numbers[PATCH_END]
    most = at + size // 2 - STEP
    if last - first != size or size > LARGE:
        return False
    i = 0
    while i < size:
        i = _first_difference(m.arena, value, values, first, i, size)
        if i == size:
            break
        i = min(i, size - WORD)
        if at > most:
            return False
        m.patches[at] = i & 255
        m.patches[at + 1] = i >> 8
        at = copy(values, first + i, first + i + WORD, m.patches, at + 2)
        i += WORD
    count = m.numbers[PATCHED]
    m.patched[count] = slot
    m.patch_ends[count] = at
    m.numbers[PATCHED] += 1
    m.numbers[PATCH_END] = at
    return True


@helper
def _first_difference(a: Bytes, at: int, b: Bytes, begin: int, i: int, size: int) -> int:
    """The first place from ``i`` on at which two values differ; ``size`` where none does."""
    while i + BLOCK <= size:
        different = 0
        for j in range(BLOCK):
            different |= a[at + i + j] ^ b[begin + i + j]
        if different:
            break
        i += BLOCK
    while i < size and a[at + i] == b[begin + i]:
        i += 1
    return i


@helper
def _write(patches: Bytes, first: int, last: int, arena: Bytes, at: int, size: int) -> None:
    """Apply a patch to the value that begins there; what would lie behind it is left out."""
    for k in range(first, last - STEP + 1, STEP):
        place = np.int64(patches[k]) | np.int64(patches[k + 1]) << 8
        if place + WORD <= size:
            copy(patches, k + 2, k + STEP, arena, at + place)


@kernel
def apply(m: Memory, keys: Bytes, key_ends: Ints, patches: Bytes, ends: Ints) -> None:
    """Change the values of entries by patches, where there are such entries.

    What is not there, or is shorter, is of an older state: a later record has all of it.
    """
    start, first = np.int64(0), np.int64(0)
    for i in range(key_ends.shape[0]):
        h = hash_of(keys, start, key_ends[i], m.numbers[SEED])
        slot = find(m, keys, start, key_ends[i], h)
        if slot >= 0 and not m.flags[slot] & GONE:
            _, value, end = entry_at(m.arena, m.at[slot])
            at = change(m, slot, end - value)
            _write(patches, first, ends[i], m.arena, at, end - value)
        start, first = key_ends[i], ends[i]


@kernel
def encode(m: Memory, prefix: Bytes, out: Bytes, ends: Ints) -> int:
    """The patches as the items of a map in MessagePack: key and patch; returns how many.

    Without those of entries that changed once more.
    """
    at, first, count = np.int64(0), np.int64(0), 0
    for i in range(m.numbers[PATCHED]):
        slot, last = np.int64(m.patched[i]), m.patch_ends[i]
        if m.flags[slot] & PATCH:
            key, value, _ = entry_at(m.arena, m.at[slot])
            at = write_key(m, prefix, key, value, out, at)
            at = write_head(out, at, 0xC4, last - first)
            at = copy(m.patches, first, last, out, at)
            ends[count] = at
            count += 1
        first = last
    return count
