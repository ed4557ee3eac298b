"""The loop over events and labels that arrive; compiled.

It does what is usual: an event that is new, the first label of an event, entries that expire. At
what is not it stops, and `join` does that step; so both do the same, and the order is that of
the arrivals.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.labels.heap import Heap, schedule, unschedule
from agents.labels.packed import EARLY, LABELLED, WAITING, end_of_map, read_head, write_head
from agents.tables.bytes import GRANULE, copy, entry_at, hash_of
from agents.tables.kernels import END, GONE, LIVE, SEED, Memory, add, change, find, remove
from agents.words import Bytes
from learners.engine.kernels import Ints, helper, kernel

EVENT, LEARN, DROP, GIVEN, FORGET = 0, 1, 3, 4, 5
"""What happened: an event came; it got its label; it is forgotten without one; it got the label
that is given to events without one; it is forgotten, and had a label."""
DONE, STEP, FULL = range(3)
"""Why the loop ends: all have arrived; a step is not usual; there is no room left."""
NOW, AT, HAPPENED, VALUES, IDS, WAITS, LEARNED, EXPIRED, EXPIRED_TIME, EXPIRED_AT = range(10)
"""Numbers of a run: the time of the stream; the next arrival; how much happened, and the bytes of
values and ids; what is to be added to ``JoinCounts``."""
RUN = 10
MOST_VALUE = 16_384
"""Bytes of an entry that the loop takes."""


class Arrivals(NamedTuple):
    """What arrives, in order.

    Attributes:
        are_labels: Whether each is a label.
        times: In milliseconds since 1970.
        ids: As JSON.
        id_spans: Where each begins and ends, of shape (arrivals, 2).
        values: What is kept of an event; label and weight of a label. As MessagePack.
        value_spans: Where each begins and ends, of shape (arrivals, 2).
    """

    are_labels: NDArray[np.bool_]
    times: Ints
    ids: Bytes
    id_spans: Ints
    values: Bytes
    value_spans: Ints


class Happened(NamedTuple):
    """What happened, in order.

    Attributes:
        kinds: EVENT, LEARN, DROP, GIVEN or FORGET.
        by: The arrival by which it did.
        times: The time of the stream; of an EVENT its own.
        event_times: When its event was.
        values: What was kept of each but an EVENT, and a line feed, one behind the other.
        ends: Where those of each end; of an EVENT those before it.
        ids: Of each DROP, GIVEN and FORGET the id, and a comma.
    """

    kinds: NDArray[np.int8]
    by: Ints
    times: Ints
    event_times: Ints
    values: Bytes
    ends: Ints
    ids: Bytes


@kernel
def advance(
    m: Memory, heap: Heap, run: Ints, came: Arrivals, out: Happened, limits: Ints, scratch: Bytes
) -> int:
    """Let events and labels arrive, from ``run[AT]`` on; returns why it ends.

    Args:
        m: The table of the entries.
        heap: Their times.
        run: See above.
        came: What arrives.
        out: Gets what happens.
        limits: How long an entry stays, how many there may be, and whether an event that expires
            gets a label.
        scratch: ``MOST_VALUE`` bytes and some.
    """
    while run[AT] < came.times.shape[0]:
        i = run[AT]
        run[NOW] = max(run[NOW], came.times[i])
        while heap.count[0] > 0 and heap.times[heap.slots[0]] + limits[0] < run[NOW]:
            reason = _expire(m, heap, run, out, limits[2] > 0)
            if reason != DONE:
                return reason
        id_start, id_end = came.id_spans[i, 0], came.id_spans[i, 1]
        size = id_end - id_start + came.value_spans[i, 1] - came.value_spans[i, 0] + MOST_VALUE
        if size > 2 * MOST_VALUE:
            return STEP
        if not _has_room(m, out, run, size):
            return FULL
        h = hash_of(came.ids, id_start, id_end, m.numbers[SEED])
        slot = find(m, came.ids, id_start, id_end, h)
        if slot >= 0 and m.flags[slot] & GONE:  # it has gone in this transaction, and comes again
            return STEP
        if came.are_labels[i]:
            if slot < 0 or not _learn(m, slot, run, came, out, scratch):
                return STEP
        elif slot < 0:
            if m.numbers[LIVE] >= limits[1]:
                return STEP
            _wait(m, heap, run, came, h, scratch)
            _say(out, run, EVENT, came.times[i], came.times[i])
        else:
            _, value, end = entry_at(m.arena, m.at[slot])
            kind, _, _ = read_head(m.arena, value, end)
            if kind == EARLY:
                return STEP
            _say(out, run, EVENT, came.times[i], came.times[i])
        run[AT] += 1
    return DONE


@helper
def _has_room(m: Memory, out: Happened, run: Ints, size: int) -> bool:
    return (
        m.numbers[END] * GRANULE + 2 * size + 64 <= m.arena.shape[0]
        and run[HAPPENED] + 2 <= out.kinds.shape[0]
        and run[VALUES] + 2 * MOST_VALUE <= out.values.shape[0]
        and run[IDS] + 2 * MOST_VALUE <= out.ids.shape[0]
    )


@helper
def _say(out: Happened, run: Ints, kind: int, time: int, event_time: int) -> None:
    k = run[HAPPENED]
    out.kinds[k] = kind
    out.by[k] = run[AT]
    out.times[k] = time
    out.event_times[k] = event_time
    out.ends[k] = run[VALUES]
    run[HAPPENED] += 1


@helper
def _wait(m: Memory, heap: Heap, run: Ints, came: Arrivals, h: int, scratch: Bytes) -> None:
    """An event begins to wait."""
    i = run[AT]
    at = write_head(scratch, 0, WAITING, came.times[i])
    at = copy(came.values, came.value_spans[i, 0], came.value_spans[i, 1], scratch, at)
    slot = add(m, came.ids, came.id_spans[i, 0], came.id_spans[i, 1], h, at)
    _, value, _ = entry_at(m.arena, m.at[slot])
    copy(scratch, 0, at, m.arena, value)
    schedule(m, heap, slot, came.times[i])
    run[WAITS] += 1


@helper
def _learn(m: Memory, slot: int, run: Ints, came: Arrivals, out: Happened, scratch: Bytes) -> bool:
    """An event gets its first label; False where it is no event, or has one already."""
    i = run[AT]
    _, value, end = entry_at(m.arena, m.at[slot])
    kind, time, fields = read_head(m.arena, value, end)
    if kind != WAITING or end - value > MOST_VALUE:
        return False
    _keep(m, run, out, fields, end)
    at = write_head(scratch, 0, LABELLED, time)
    at = copy(m.arena, fields, end, scratch, at)
    at = copy(came.values, came.value_spans[i, 0], came.value_spans[i, 1], scratch, at)
    copy(scratch, 0, at, m.arena, change(m, slot, at))
    _say(out, run, LEARN, run[NOW], time)
    run[WAITS] -= 1
    run[LEARNED] += 1
    return True


@helper
def _expire(m: Memory, heap: Heap, run: Ints, out: Happened, gives: bool) -> int:
    """The first entry expires."""
    slot = np.int64(heap.slots[0])
    key, value, end = entry_at(m.arena, m.at[slot])
    kind, time, fields = read_head(m.arena, value, end)
    if kind == EARLY or end - key > MOST_VALUE:
        return STEP
    if not _has_room(m, out, run, MOST_VALUE):
        return FULL
    if kind == WAITING:
        run[WAITS] -= 1
        run[EXPIRED] += 1
        run[EXPIRED_TIME], run[EXPIRED_AT] = time, run[NOW]
        if gives:
            _tell_of(m, run, out, GIVEN, time, key, value, fields, end)
    if kind == LABELLED:
        end = end_of_map(m.arena, fields, end)  # label and weight follow
    _tell_of(m, run, out, DROP if kind == WAITING else FORGET, time, key, value, fields, end)
    unschedule(m, heap, slot)
    remove(m, slot)
    return DONE


@helper
def _tell_of(
    m: Memory,
    run: Ints,
    out: Happened,
    kind: int,
    time: int,
    key: int,
    value: int,
    fields: int,
    end: int,
) -> None:
    _keep(m, run, out, fields, end)
    run[IDS] = copy(m.arena, key, value, out.ids, run[IDS])
    out.ids[run[IDS]] = 44  # a comma
    run[IDS] += 1
    _say(out, run, kind, run[NOW], time)


@helper
def _keep(m: Memory, run: Ints, out: Happened, fields: int, end: int) -> None:
    run[VALUES] = copy(m.arena, fields, end, out.values, run[VALUES])
    out.values[run[VALUES]] = 10  # a line feed
    run[VALUES] += 1
