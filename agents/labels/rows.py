"""Rows of features that wait, in their table; compiled."""

from __future__ import annotations

import numpy as np

from agents.tables.bytes import copy, entry_at, hash_of
from agents.tables.kernels import GONE, SEED, Memory, add, change, find, remove
from agents.words import Bytes
from learners.engine.kernels import Ints, kernel

PUT, GET, DELETE = range(3)
"""What is done: a row begins to wait, one that waits is looked up, or it goes."""
TAKEN, MISSING, STRANGE = 1, 0, -1
"""What came of it: there is a row; there is none; it has another length than those of now."""


@kernel
def work(m: Memory, what: Ints, keys: Bytes, ends: Ints, rows: Bytes, taken: Ints) -> None:
    """One step after another.

    Args:
        m: The table of the rows.
        what: Of each step.
        keys: Of the rows, one behind the other.
        ends: Where each key ends.
        rows: (steps, bytes of a row): has those of each PUT, and gets those of each GET.
        taken: Gets what came of each step.
    """
    start, size = np.int64(0), rows.shape[1]
    for i in range(what.shape[0]):
        end = ends[i]
        h = hash_of(keys, start, end, m.numbers[SEED])
        slot = find(m, keys, start, end, h)
        there = slot >= 0 and not m.flags[slot] & GONE
        taken[i] = TAKEN if there or what[i] == PUT else MISSING
        if what[i] == PUT and not there:
            if slot < 0:
                slot = add(m, keys, start, end, h, size)
                _, at, _ = entry_at(m.arena, m.at[slot])
            else:
                at = change(m, slot, size)
            copy(rows[i], 0, size, m.arena, at)
        elif what[i] == GET and there:
            _, value, last = entry_at(m.arena, m.at[slot])
            if last - value == size:
                copy(m.arena, value, last, rows[i], 0)
            else:
                taken[i] = STRANGE
        elif what[i] == DELETE and there:
            remove(m, slot)
        start = end
