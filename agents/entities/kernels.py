"""The loop over events: bring the past of an entity up to date, sum it up over windows.

One event after another, so that where batches end changes nothing. All compiled code of the
entities is in this file, see `learners.engine.kernels`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.engine.kernels import TINY, Floats, Ints, clip, kernel

Words = NDArray[np.uint64]
Counts = NDArray[np.int32]

ADD, CORRECT, TELL = 1, 2, 4
"""What is done with a row: it is added, takes the place of another, is told its features."""
COUNT, SUM, MEAN, STD, DISTINCT, RATIO, SINCE_LAST = range(7)
TOP, LAST, FIRST_NUMBER = 0, 1, 2
"""Words of an entity: its newest bucket, the time of its newest event, then its buckets."""
NEVER = -(2**62)
SKETCH = 4
"""Words of a sketch: 256 bits."""
_ONE = np.uint64(1)


class Pasts(NamedTuple):
    """The same memory, a row an entity, under several types."""

    integers: Ints
    numbers: Floats
    words: Words
    counts: Counts


class Shape(NamedTuple):
    """Where things lie in the row of an entity.

    Attributes:
        ring: Buckets; bucket b is at b % ring.
        sums: Fields that are summed up.
        stride: Numbers of a bucket: the sums, then the sums of squared deviations.
        sketches: Of a bucket.
        sketches_at: The first word of the sketches.
        counts_at: The first count.
    """

    ring: int
    sums: int
    stride: int
    sketches: int
    sketches_at: int
    counts_at: int


class Plan(NamedTuple):
    """What is computed.

    Attributes:
        squares: For each summed field where its squared deviations are in a bucket, or -1.
        spans: Buckets of each window, ascending.
        features: (features, 3): function, which field or sketch, which window.
        estimates: How many different values a sketch with so many bits has seen.
    """

    squares: Ints
    spans: Ints
    features: Ints
    estimates: Floats


class Steps(NamedTuple):
    """The rows of a batch, as columns.

    Attributes:
        slots: Of the entities; -1 where nothing is known.
        kinds: ADD, CORRECT, TELL.
        times: In milliseconds.
        buckets: Of `times`.
        ends: The last bucket of the windows.
        clocks: The newest bucket of the stream.
        values: (rows, sums).
        befores: (rows, sums): what a CORRECT takes out.
        places: (rows, sketches): the word of the bit.
        bits: (rows, sketches): a word with that bit.
    """

    slots: Ints
    kinds: Ints
    times: Ints
    buckets: Ints
    ends: Ints
    clocks: Ints
    values: Floats
    befores: Floats
    places: Ints
    bits: Words


@kernel
def advance(pasts: Pasts, shape: Shape, plan: Plan, steps: Steps, features: Floats) -> None:
    """Row after row: what is added is part of what is told; `features` has a row for each."""
    totals = np.zeros(1 + 2 * shape.sums)  # the count, sums, squared deviations
    union = np.zeros(shape.sketches * SKETCH, np.uint64)
    for i in range(steps.slots.shape[0]):
        slot, kind = steps.slots[i], steps.kinds[i]
        oldest = steps.clocks[i] - shape.ring + 1
        held = slot >= 0 and steps.buckets[i] >= oldest
        since = -1.0
        if kind & TELL:
            since = _since_last(pasts, plan, steps, i, oldest)
        if held and kind & ADD:
            _make_room(pasts, shape, slot, steps.buckets[i], oldest)
            _add(pasts, shape, plan, steps, i)
        elif held and kind & CORRECT:
            _correct(pasts, shape, plan, steps, i)
        if kind & TELL:
            _tell(pasts, shape, plan, steps, i, oldest, since, totals, union, features)


@kernel
def _since_last(pasts: Pasts, plan: Plan, steps: Steps, i: int, oldest: int) -> float:
    """Seconds since the newest event, where the longest window still has it; else -1."""
    slot, longest = steps.slots[i], plan.spans[plan.spans.shape[0] - 1]
    if slot < 0 or pasts.integers[slot, TOP] < max(oldest, steps.buckets[i] - longest):
        return -1.0
    return float(max(0.0, (steps.times[i] - pasts.integers[slot, LAST]) / 1000.0))


@kernel
def _make_room(pasts: Pasts, shape: Shape, slot: int, bucket: int, oldest: int) -> None:
    """Clear the buckets from the entity's newest to this one; all of them where none is held."""
    top = pasts.integers[slot, TOP]
    if top < oldest:
        pasts.integers[slot, :] = 0
        pasts.integers[slot, TOP] = bucket
        pasts.integers[slot, LAST] = NEVER
    elif top < bucket:
        for b in range(top + 1, bucket + 1):
            place = b % shape.ring
            pasts.counts[slot, shape.counts_at + place] = 0
            for j in range(shape.stride):
                pasts.numbers[slot, FIRST_NUMBER + place * shape.stride + j] = 0.0
            width = shape.sketches * SKETCH
            for j in range(width):
                pasts.integers[slot, shape.sketches_at + place * width + j] = 0
        pasts.integers[slot, TOP] = bucket


@kernel
def _add(pasts: Pasts, shape: Shape, plan: Plan, steps: Steps, i: int) -> None:
    """Welford's update of a bucket."""
    slot, place = steps.slots[i], steps.buckets[i] % shape.ring
    pasts.integers[slot, LAST] = max(pasts.integers[slot, LAST], steps.times[i])
    n = float(pasts.counts[slot, shape.counts_at + place])
    first = FIRST_NUMBER + place * shape.stride
    for j in range(shape.sums):
        x, total = clip(steps.values[i, j]), pasts.numbers[slot, first + j]
        if n > 0.0 and plan.squares[j] >= 0:
            off = x - total / n
            pasts.numbers[slot, first + plan.squares[j]] += off * off * n / (n + 1.0)
        pasts.numbers[slot, first + j] = total + x
    pasts.counts[slot, shape.counts_at + place] += 1
    for j in range(shape.sketches):
        at = shape.sketches_at + (place * shape.sketches + j) * SKETCH + steps.places[i, j]
        pasts.words[slot, at] |= steps.bits[i, j]


@kernel
def _correct(pasts: Pasts, shape: Shape, plan: Plan, steps: Steps, i: int) -> None:
    """Welford's update backwards, then forwards."""
    slot, place = steps.slots[i], steps.buckets[i] % shape.ring
    if pasts.integers[slot, TOP] < steps.buckets[i]:
        return
    n = float(pasts.counts[slot, shape.counts_at + place])
    first = FIRST_NUMBER + place * shape.stride
    for j in range(shape.sums):
        x, before = clip(steps.values[i, j]), clip(steps.befores[i, j])
        if n < 1.0 or x == before:
            continue
        total, squares = 0.0, 0.0
        at = plan.squares[j]
        if n > 1.0:
            total = pasts.numbers[slot, first + j] - before
            if at >= 0:
                off, back = before - total / (n - 1.0), x - total / (n - 1.0)
                squares = pasts.numbers[slot, first + at] - off * off * (n - 1.0) / n
                squares = max(0.0, squares) + back * back * (n - 1.0) / n
        pasts.numbers[slot, first + j] = total + x
        if at >= 0:
            pasts.numbers[slot, first + at] = squares


@kernel
def _tell(
    pasts: Pasts,
    shape: Shape,
    plan: Plan,
    steps: Steps,
    i: int,
    oldest: int,
    since: float,
    totals: Floats,
    union: Words,
    features: Floats,
) -> None:
    """The features of one row: back from the newest bucket, through one window after another."""
    slot = steps.slots[i]
    totals[:] = 0.0
    union[:] = np.uint64(0)
    bucket = steps.ends[i]
    if slot >= 0:
        bucket = min(bucket, pasts.integers[slot, TOP])
    for w in range(plan.spans.shape[0]):
        until = max(oldest, steps.ends[i] - plan.spans[w])
        if slot >= 0 and bucket >= until:
            _include(pasts, shape, plan, slot, bucket, until, totals, union)
            bucket = until - 1
        for k in range(plan.features.shape[0]):
            function, j = plan.features[k, 0], plan.features[k, 1]
            if plan.features[k, 2] != w:
                continue
            if function == COUNT:
                features[i, k] = totals[0]
            elif function == DISTINCT:
                features[i, k] = plan.estimates[_bits(union, j * SKETCH)]
            else:
                squares, x = totals[1 + shape.sums + j], steps.values[i, j]
                features[i, k] = _feature(function, totals[0], totals[1 + j], squares, x)
    for k in range(plan.features.shape[0]):
        if plan.features[k, 0] == SINCE_LAST:
            features[i, k] = since


@kernel
def _include(
    pasts: Pasts,
    shape: Shape,
    plan: Plan,
    slot: int,
    bucket: int,
    until: int,
    totals: Floats,
    union: Words,
) -> None:
    """The buckets from `bucket` back to `until`.

    Squared deviations are merged as Chan, Golub and LeVeque do (1979).
    """
    place, width = bucket % shape.ring, shape.sketches * SKETCH
    for _ in range(bucket - until + 1):
        n, more = totals[0], float(pasts.counts[slot, shape.counts_at + place])
        if more > 0.0:
            first = FIRST_NUMBER + place * shape.stride
            for j in range(shape.sums):
                total = pasts.numbers[slot, first + j]
                if plan.squares[j] >= 0:
                    off = total / more
                    if n > 0.0:
                        off -= totals[1 + j] / n
                    squares = pasts.numbers[slot, first + plan.squares[j]]
                    totals[1 + shape.sums + j] += squares + off * off * n * more / (n + more)
                totals[1 + j] += total
            totals[0] = n + more
            for j in range(width):
                union[j] |= pasts.words[slot, shape.sketches_at + place * width + j]
        place = place - 1 if place > 0 else shape.ring - 1


@kernel
def _feature(function: int, n: float, total: float, squares: float, x: float) -> float:
    if function == SUM:
        return total
    mean = total / n if n > 0.0 else 0.0
    if function == MEAN:
        return mean
    if function == STD:
        return math.sqrt(squares / n) if n > 0.0 else 0.0
    if abs(mean) < TINY:
        return 1.0
    return clip(clip(x) / mean)


@kernel
def _bits(union: Words, first: int) -> int:
    """How many are set."""
    found = 0
    for j in range(first, first + SKETCH):
        word = union[j]
        while word != 0:
            word &= word - _ONE
            found += 1
    return found
