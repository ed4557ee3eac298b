"""The loop over events: bring the past of an entity up to date, sum it up over windows.

One event after another, so that where batches end changes nothing. Compiled: see
`learners.engine.kernels`; what is about single values
is in `earlier`, what is about times in `trends`.
"""

from __future__ import annotations

import math

import numpy as np

from agents.entities.earlier import earlier, keep, replace, since_last
from agents.entities.shapes import (
    ADD,
    AFTER,
    CORRECT,
    COUNT,
    DISTINCT,
    EARLIER,
    FIRST_NUMBER,
    LAST,
    MEAN,
    NEVER,
    SINCE_LAST,
    SKETCH,
    STD,
    SUM,
    TELL,
    TOP,
    TREND,
    Pasts,
    Plan,
    Shape,
    Steps,
    Words,
)
from agents.entities.trends import add_time, include_times, slope
from learners.engine.kernels import TINY, Floats, clip, helper, kernel

_ONE = np.uint64(1)


@kernel
def advance(pasts: Pasts, shape: Shape, plan: Plan, steps: Steps, features: Floats) -> None:
    """Row after row; `features` has a row for each.

    What is added is part of what is told over windows, unless it is added AFTER.
    """
    totals = np.zeros(3 + 3 * shape.sums)  # see `_include`
    union = np.zeros(shape.sketches * SKETCH, np.uint64)
    for i in range(steps.slots.shape[0]):
        slot, kind = steps.slots[i], steps.kinds[i]
        oldest = steps.clocks[i] - shape.ring + 1
        held = slot >= 0 and steps.buckets[i] >= oldest
        if kind & TELL:
            _tell_earlier(pasts, plan, steps, i, oldest, features)
        if held and kind & ADD and not kind & AFTER:
            _add(pasts, shape, plan, steps, i, oldest)
        elif held and kind & CORRECT:
            _correct(pasts, shape, plan, steps, i)
        if kind & TELL:
            _tell(pasts, shape, plan, steps, i, oldest, totals, union, features)
        if held and kind & AFTER:
            _add(pasts, shape, plan, steps, i, oldest)


@helper
def _tell_earlier(
    pasts: Pasts, plan: Plan, steps: Steps, i: int, oldest: int, features: Floats
) -> None:
    """The features that a row is never itself a part of."""
    for k in range(plan.features.shape[0]):
        if plan.features[k, 0] == SINCE_LAST:
            features[i, k] = since_last(pasts, plan, steps, i, oldest)
        elif plan.features[k, 0] == EARLIER:
            which, n = plan.features[k, 1], plan.features[k, 3]
            features[i, k] = earlier(pasts, plan, steps, i, oldest, which, n)


@helper
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


@helper
def _add(pasts: Pasts, shape: Shape, plan: Plan, steps: Steps, i: int, oldest: int) -> None:
    """Welford's update of a bucket; the values are kept where earlier ones are asked for."""
    slot, place = steps.slots[i], steps.buckets[i] % shape.ring
    _make_room(pasts, shape, slot, steps.buckets[i], oldest)
    pasts.integers[slot, LAST] = max(pasts.integers[slot, LAST], steps.times[i])
    n = float(pasts.counts[slot, shape.counts_at + place])
    first = FIRST_NUMBER + place * shape.stride
    later = add_time(pasts, shape, steps, i, n, first)
    for j in range(shape.sums):
        x, total = clip(steps.values[i, j]), pasts.numbers[slot, first + j]
        if n > 0.0:
            off = x - total / n
            if plan.squares[j] >= 0:
                pasts.numbers[slot, first + plan.squares[j]] += off * off * n / (n + 1.0)
            if plan.slopes[j] >= 0:
                pasts.numbers[slot, first + plan.slopes[j]] += off * later * n / (n + 1.0)
        pasts.numbers[slot, first + j] = total + x
    keep(pasts, plan, steps, i)
    pasts.counts[slot, shape.counts_at + place] += 1
    for j in range(shape.sketches):
        at = shape.sketches_at + (place * shape.sketches + j) * SKETCH + steps.places[i, j]
        pasts.words[slot, at] |= steps.bits[i, j]


@helper
def _correct(pasts: Pasts, shape: Shape, plan: Plan, steps: Steps, i: int) -> None:
    """Welford's update backwards, then forwards."""
    slot, place = steps.slots[i], steps.buckets[i] % shape.ring
    if pasts.integers[slot, TOP] < steps.buckets[i]:
        return
    replace(pasts, plan, steps, i)
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
        if plan.slopes[j] >= 0:
            mean = pasts.numbers[slot, first + shape.times] / n
            later = steps.times[i] / shape.length - steps.buckets[i] - mean
            pasts.numbers[slot, first + plan.slopes[j]] += (x - before) * later


@helper
def _tell(
    pasts: Pasts,
    shape: Shape,
    plan: Plan,
    steps: Steps,
    i: int,
    oldest: int,
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
            _include(pasts, shape, plan, slot, bucket, until, steps.ends[i], totals, union)
            bucket = until - 1
        for k in range(plan.features.shape[0]):
            function, j = plan.features[k, 0], plan.features[k, 1]
            if plan.features[k, 2] != w:
                continue
            if function == COUNT:
                features[i, k] = totals[0]
            elif function == DISTINCT:
                features[i, k] = plan.estimates[_bits(union, j * SKETCH)]
            elif function == TREND:
                rise = slope(totals[1 + 2 * shape.sums + j], totals[2 + 3 * shape.sums])
                features[i, k] = clip(rise * plan.spans[w])
            else:
                squares, x = totals[1 + shape.sums + j], steps.values[i, j]
                features[i, k] = _feature(function, totals[0], totals[1 + j], squares, x)


@helper
def _include(
    pasts: Pasts,
    shape: Shape,
    plan: Plan,
    slot: int,
    bucket: int,
    until: int,
    end: int,
    totals: Floats,
    union: Words,
) -> None:
    """The buckets from `bucket` back to `until`, into `totals`.

    Those are the count, and for each field the sum, the squared deviations and the co-deviations
    with the time; then the sum of the times, in buckets since the begin of `end`, and of their
    squared deviations. Deviations are merged as Chan, Golub and LeVeque do (1979).
    """
    place, width = bucket % shape.ring, shape.sketches * SKETCH
    for b in range(bucket, until - 1, -1):
        n, more = totals[0], float(pasts.counts[slot, shape.counts_at + place])
        if more > 0.0:
            first = FIRST_NUMBER + place * shape.stride
            later = include_times(pasts, shape, slot, first, float(b - end), n, more, totals)
            for j in range(shape.sums):
                total = pasts.numbers[slot, first + j]
                off = total / more
                if n > 0.0:
                    off -= totals[1 + j] / n
                if plan.squares[j] >= 0:
                    squares = pasts.numbers[slot, first + plan.squares[j]]
                    totals[1 + shape.sums + j] += squares + off * off * n * more / (n + more)
                if plan.slopes[j] >= 0:
                    both = pasts.numbers[slot, first + plan.slopes[j]]
                    totals[1 + 2 * shape.sums + j] += both + off * later * n * more / (n + more)
                totals[1 + j] += total
            totals[0] = n + more
            for j in range(width):
                union[j] |= pasts.words[slot, shape.sketches_at + place * width + j]
        place = place - 1 if place > 0 else shape.ring - 1


@helper
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
    return float(clip(clip(x) / mean))


@helper
def _bits(union: Words, first: int) -> int:
    """How many are set."""
    found = 0
    for j in range(first, first + SKETCH):
        word = union[j]
        while word != 0:
            word &= word - _ONE
            found += 1
    return found
