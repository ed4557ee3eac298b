"""The entries of the state as they lie in their table, for compiled code; see `entries`."""

from __future__ import annotations

import numpy as np

from agents.labels.heap import Heap, schedule
from agents.tables.bytes import entry_at
from agents.tables.kernels import GONE, USED, Memory
from agents.texts import end_of_scalar
from agents.words import Bytes, whole
from learners.engine.kernels import Ints, helper, kernel

WAITING, LABELLED, EARLY = range(3)
"""The tags of the entries."""
HEADS = np.array([0x93, 0x95, 0x9A])
"""How each begins: a list of so many in MessagePack."""
MOST_HEAD = 11
"""Bytes that head, tag and time take at most."""


@helper
def read_head(data: Bytes, at: int, end: int) -> tuple[int, int, int]:
    """The tag of an entry, its time, and where that ends; the tag is -1 where it is none."""
    if end < at + 3 or data[at + 1] > EARLY or data[at] != HEADS[data[at + 1]]:
        return -1, 0, at
    kind, first, i = np.int64(data[at + 1]), np.int64(data[at + 2]), at + 3
    if first < 0x80:
        return kind, first, i
    if first >= 0xE0:
        return kind, first - 256, i
    if not (0xCC <= first <= 0xCF or 0xD0 <= first <= 0xD3):
        return -1, 0, at
    size = 1 << (first & 3)
    if end < i + size:
        return -1, 0, at
    time = np.int64(0)
    for j in range(size):
        time = time << 8 | np.int64(data[i + j])
    if first >= 0xD0 and size < 8 and data[i] >= 0x80:
        time -= np.int64(1) << (8 * size)
    return kind, time, i + size


@helper
def write_head(data: Bytes, at: int, kind: int, time: int) -> int:
    """What ``read_head`` reads, in as few bytes as there are; returns where it ends."""
    data[at] = HEADS[kind]
    data[at + 1] = kind
    at += 2
    if -32 <= time < 0x80:
        data[at] = time & 255
        return at + 1
    size, code = 1, 0xCC if time >= 0 else 0xD0
    while size < 8 and not _fits(time, size):
        size *= 2
        code += 1
    data[at] = code
    for j in range(size):
        data[at + 1 + j] = time >> 8 * (size - 1 - j) & 255
    return at + 1 + size


@helper
def _fits(time: int, size: int) -> bool:
    if time >= 0:
        return time < np.int64(1) << 8 * size
    return time >= -(np.int64(1) << (8 * size - 1))


@helper
def end_of_map(data: Bytes, at: int, end: int) -> int:
    """Behind the map of texts to scalars that begins here: the fields that are kept.

    Never behind `end`, whatever a state topic says.
    """
    count = whole(data[at]) & 15
    if data[at] == 0xDE:
        count = whole(data[at + 1]) << 8 | whole(data[at + 2])
        at += 2
    at += 1
    for _ in range(2 * count):
        if at >= end:
            return end
        at = end_of_scalar(data, at)
    return min(at, end)


@kernel
def fill(m: Memory, heap: Heap, kinds: Ints) -> int:
    """Schedule all entries and count their kinds; returns a slot that cannot be read, or -1."""
    for slot in range(m.numbers[USED]):
        if m.at[slot] > 0 and not m.flags[slot] & GONE:
            _, value, end = entry_at(m.arena, m.at[slot])
            kind, time, _ = read_head(m.arena, value, end)
            if kind < 0:
                return slot
            kinds[kind] += 1
            schedule(m, heap, slot, time)
    return -1
