"""The entities with the highest scores, as arrays: a row each, and a heap of the rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from learners.engine.kernels import Floats, Ints, helper, inlined

RISES = 8
"""How many rises of an entity's highest score are kept; the last of them goes on rising."""
USED, CAME, LEFT_OUT = range(3)
AT, SCORE = range(2)


class Kept(NamedTuple):
    """The entities with the highest scores of a span, a row each.

    Attributes:
        rises: When the highest score rose, as a share of the span, and to where; of shape
            (rows, RISES, 2).
        lengths: How many rises each row has.
        numbers: Of the entities, in the order in which they were taken in.
        heap: The rows as a binary heap, the lowest score first; of equal ones the lowest number.
        places: Where each row stands in the heap.
        counts: How many rows are used, how many entities were ever taken in, and 1 once one was
            left out.
    """

    rises: Floats
    lengths: Ints
    numbers: Ints
    heap: Ints
    places: Ints
    counts: Ints

    @classmethod
    def empty(cls, rows: int) -> Kept:
        """Room for so many entities."""
        integers = (np.zeros(n, np.int64) for n in (rows, rows, rows, rows, 3))
        return cls(np.zeros((rows, RISES, 2)), *integers)


@helper
def see(kept: Kept, row: int, at: float, score: float) -> int:
    """Note a finite score of the entity with this row, or -1 for one that has none.

    Among entities with equal scores, the one that came first is kept.

    Returns:
        The row that the score was noted in; -1 where it was not worth it.
    """
    if row >= 0:
        last = kept.lengths[row] - 1
        if score <= kept.rises[row, last, SCORE]:
            return -1
        if last < RISES - 1:
            last += 1
            kept.lengths[row] += 1
            kept.rises[row, last, AT] = at
        kept.rises[row, last, SCORE] = score
        _down(kept, kept.places[row])
        return row
    if kept.counts[USED] < kept.lengths.shape[0]:
        row = kept.counts[USED]
        kept.counts[USED] += 1
        kept.heap[row] = kept.places[row] = row
        _begin(kept, row, at, score)
        _up(kept, row)
        return row
    kept.counts[LEFT_OUT] = 1
    row = kept.heap[0]
    if score <= kept.rises[row, kept.lengths[row] - 1, SCORE]:
        return -1
    _begin(kept, row, at, score)
    _down(kept, 0)
    return row


@inlined
def _begin(kept: Kept, row: int, at: float, score: float) -> None:
    kept.lengths[row] = 1
    kept.rises[row, 0, AT], kept.rises[row, 0, SCORE] = at, score
    kept.numbers[row] = kept.counts[CAME]
    kept.counts[CAME] += 1


@inlined
def _below(kept: Kept, a: int, b: int) -> bool:
    """Whether one row goes before another in the heap."""
    one: float = kept.rises[a, kept.lengths[a] - 1, SCORE]
    other: float = kept.rises[b, kept.lengths[b] - 1, SCORE]
    return one < other or (one == other and bool(kept.numbers[a] < kept.numbers[b]))


@helper
def _up(kept: Kept, place: int) -> None:
    """Bring the row at a place of the heap to where it belongs, towards the root."""
    heap, row = kept.heap, kept.heap[place]
    while place > 0:
        above = (place - 1) // 2
        if not _below(kept, row, heap[above]):
            break
        heap[place] = heap[above]
        kept.places[heap[place]] = place
        place = above
    heap[place] = row
    kept.places[row] = place


@helper
def _down(kept: Kept, place: int) -> None:
    """Bring the row at a place of the heap to where it belongs, away from the root."""
    heap, row, used = kept.heap, kept.heap[place], kept.counts[USED]
    while True:
        child = 2 * place + 1
        if child >= used:
            break
        if child + 1 < used and _below(kept, heap[child + 1], heap[child]):
            child += 1
        if not _below(kept, heap[child], row):
            break
        heap[place] = heap[child]
        kept.places[heap[place]] = place
        place = child
    heap[place] = row
    kept.places[row] = place
