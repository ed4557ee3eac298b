"""What is done with many entries of a table at once; compiled."""

from __future__ import annotations

import numpy as np

from agents.tables.bytes import GRANULE, class_of, copy, crc_of, entry_at, hash_of, room_of
from agents.tables.kernels import (
    DEAD,
    END,
    FREE,
    FREED,
    GONE,
    HELD,
    PREFIX,
    SEED,
    USED,
    Memory,
    Slots,
    add,
    change,
    find,
    insert,
    link,
    remove,
)
from agents.words import Bytes
from learners.engine.kernels import Ints, helper, kernel

MOST_HEADERS = 10
"""Bytes that MessagePack takes at most for what key and value are."""


@kernel
def put(m: Memory, keys: Bytes, key_ends: Ints, values: Bytes, value_ends: Ints) -> None:
    """Set entries, one after another; keys and values lie behind each other."""
    start, first = np.int64(0), np.int64(0)
    for i in range(key_ends.shape[0]):
        end, last = key_ends[i], value_ends[i]
        h = hash_of(keys, start, end, m.numbers[SEED])
        slot = find(m, keys, start, end, h)
        if slot < 0:
            slot = add(m, keys, start, end, h, last - first)
            _, at, _ = entry_at(m.arena, m.at[slot])
        else:
            at = change(m, slot, last - first)
        copy(values, first, last, m.arena, at)
        start, first = end, last


@kernel
def slots_of(m: Memory, keys: Bytes, key_ends: Ints, slots: Slots) -> None:
    """The slots of keys; -1 where there is no entry."""
    start = np.int64(0)
    for i in range(key_ends.shape[0]):
        h = hash_of(keys, start, key_ends[i], m.numbers[SEED])
        slot = find(m, keys, start, key_ends[i], h)
        slots[i] = -1 if slot >= 0 and m.flags[slot] & GONE else slot
        start = key_ends[i]


@kernel
def remove_all(m: Memory, slots: Slots) -> None:
    """Let these entries go."""
    for i in range(slots.shape[0]):
        remove(m, np.int64(slots[i]))


@kernel
def part(m: Memory, first: int, end: int, slots: Slots) -> int:
    """The slots whose keys' CRC-32 is at least ``first`` and below ``end``; returns how many."""
    count, buckets = 0, m.heads.shape[0]
    within = (end - first) * buckets < 1 << 32
    for bucket in range(first * buckets >> 32, ((end * buckets - 1) >> 32) + 1):
        slot = np.int64(m.heads[bucket]) - 1
        while slot >= 0:
            if m.at[slot] > 0 and not m.flags[slot] & GONE:
                inside = True
                if within:
                    key, value, _ = entry_at(m.arena, m.at[slot])
                    inside = first <= crc_of(m.arena, key, value, m.numbers[PREFIX]) < end
                if inside:
                    slots[count] = slot
                    count += 1
            slot = np.int64(m.following[slot]) - 1
    return count


@kernel
def sizes(m: Memory, slots: Slots, keys: Ints, values: Ints) -> None:
    """Bytes of the keys and of the values; 0 of a value that is gone."""
    for i in range(slots.shape[0]):
        slot = np.int64(slots[i])
        key, value, end = entry_at(m.arena, m.at[slot])
        keys[i] = value - key
        values[i] = 0 if m.flags[slot] & GONE else end - value


@kernel
def encode(m: Memory, prefix: Bytes, slots: Slots, out: Bytes, ends: Ints) -> None:
    """Entries as the items of a map in MessagePack; nil for a value that is gone."""
    at = np.int64(0)
    for i in range(slots.shape[0]):
        slot = np.int64(slots[i])
        key, value, end = entry_at(m.arena, m.at[slot])
        at = write_key(m, prefix, key, value, out, at)
        if m.flags[slot] & GONE:
            out[at] = 0xC0
            at += 1
        else:
            at = write_head(out, at, 0xC4, end - value)
            at = copy(m.arena, value, end, out, at)
        ends[i] = at


@helper
def write_key(m: Memory, prefix: Bytes, key: int, end: int, out: Bytes, at: int) -> int:
    """A key as MessagePack; returns where it ends."""
    size = prefix.shape[0] + end - key
    if size < 32:
        out[at] = 0xA0 | size
        at += 1
    else:
        at = write_head(out, at, 0xD9, size)
    at = copy(prefix, 0, prefix.shape[0], out, at)
    return copy(m.arena, key, end, out, at)


@helper
def write_head(out: Bytes, at: int, kind: int, size: int) -> int:
    """The head of a text or of bytes: the kind with 8 bits of length, then 16, then 32."""
    bits = 8 if size < 1 << 8 else 16 if size < 1 << 16 else 32
    out[at] = kind + (0 if bits == 8 else 1 if bits == 16 else 2)
    while bits > 0:
        bits -= 8
        at += 1
        out[at] = size >> bits & 255
    return at + 1


@kernel
def total(m: Memory) -> int:
    """The sum of the CRC-32 of all entries."""
    found = np.int64(0)
    for slot in range(m.numbers[USED]):
        if m.at[slot] > 0 and not m.flags[slot] & GONE:
            key, value, end = entry_at(m.arena, m.at[slot])
            crc = crc_of(m.arena, key, value, m.numbers[PREFIX])
            found += crc_of(m.arena, value, end, crc)
    return found


@kernel
def relink(m: Memory) -> None:
    """The lists of buckets anew, of slots that have an entry; the others are free."""
    m.heads[:] = 0
    m.numbers[FREE] = m.numbers[FREED] = m.numbers[DEAD] = 0
    for i in range(m.numbers[USED]):
        slot = m.numbers[USED] - 1 - i
        if m.at[slot] > 0:
            link(m, slot)
        else:
            m.following[slot] = m.numbers[FREE]
            m.numbers[FREE] = slot + 1
            m.numbers[FREED] += 1


@kernel
def reindex(m: Memory) -> None:
    """The index anew, which is empty."""
    for slot in range(m.numbers[USED]):
        if m.at[slot] > 0:
            insert(m, slot)


@kernel
def move(m: Memory, arena: Bytes) -> None:
    """Bring all entries to another arena, without gaps."""
    m.free[:] = 0
    place = np.int64(1)
    for slot in range(m.numbers[USED]):
        if m.at[slot] > 0:
            granule = np.int64(m.at[slot])
            key, value, end = entry_at(m.arena, granule)
            copy(m.arena, granule * GRANULE, end, arena, place * GRANULE)
            m.at[slot] = place
            place += room_of(class_of(value - key, end - value))
    m.numbers[END] = place
    m.numbers[HELD] = place - 1
