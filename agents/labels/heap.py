"""Slots of a table in the order of times: a binary heap that knows where each slot is; compiled.

Equal times are in the order of the keys.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.tables.bytes import entry_at
from agents.tables.kernels import Memory, Slots
from learners.engine.kernels import Ints, helper, kernel


class Heap(NamedTuple):
    """The arrays of a heap.

    Attributes:
        count: How many slots there are in it; shape (1,).
        slots: The heap: the children of i are at 2 i + 1 and 2 i + 2.
        places: By slot, where it is in the heap, and 1; 0: it is not.
        times: By slot.
    """

    count: Ints
    slots: Slots
    places: Slots
    times: Ints


@kernel
def schedule(m: Memory, heap: Heap, slot: int, time: int) -> None:
    """A slot gets this time, also in the place of another one."""
    heap.times[slot] = time
    if heap.places[slot] == 0:
        _set(heap, heap.count[0], slot)
        heap.count[0] += 1
    _rise(m, heap, np.int64(heap.places[slot]) - 1)
    _sink(m, heap, np.int64(heap.places[slot]) - 1)


@kernel
def unschedule(m: Memory, heap: Heap, slot: int) -> None:
    """A slot has no time any more."""
    place = np.int64(heap.places[slot]) - 1
    heap.places[slot] = 0
    heap.count[0] -= 1
    last = np.int64(heap.slots[heap.count[0]])
    if last != slot:
        _set(heap, place, last)
        _rise(m, heap, place)
        _sink(m, heap, np.int64(heap.places[last]) - 1)


@helper
def _set(heap: Heap, place: int, slot: int) -> None:
    heap.slots[place] = slot
    heap.places[slot] = place + 1


@helper
def _rise(m: Memory, heap: Heap, place: int) -> None:
    slot = np.int64(heap.slots[place])
    while place > 0:
        parent = (place - 1) >> 1
        other = np.int64(heap.slots[parent])
        if not _before(m, heap, slot, other):
            break
        _set(heap, place, other)
        place = parent
    _set(heap, place, slot)


@helper
def _sink(m: Memory, heap: Heap, place: int) -> None:
    slot, count = np.int64(heap.slots[place]), heap.count[0]
    while 2 * place + 1 < count:
        child = 2 * place + 1
        first = np.int64(heap.slots[child])
        if child + 1 < count and _before(m, heap, np.int64(heap.slots[child + 1]), first):
            child += 1
            first = np.int64(heap.slots[child])
        if not _before(m, heap, first, slot):
            break
        _set(heap, place, first)
        place = child
    _set(heap, place, slot)


@helper
def _before(m: Memory, heap: Heap, a: int, b: int) -> bool:
    if heap.times[a] != heap.times[b]:
        return heap.times[a] < heap.times[b]
    i, i_end, _ = entry_at(m.arena, m.at[a])
    j, j_end, _ = entry_at(m.arena, m.at[b])
    while i < i_end and j < j_end:
        if m.arena[i] != m.arena[j]:
            return m.arena[i] < m.arena[j]
        i, j = i + 1, j + 1
    return i == i_end and j < j_end
