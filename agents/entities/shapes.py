"""How the past of an entity, what is computed of it and a batch lie in memory."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.engine.kernels import Floats, Ints

Words = NDArray[np.uint64]
Counts = NDArray[np.int32]

ADD, CORRECT, TELL, AFTER = 1, 2, 4, 8
"""What is done with a row: it is added, takes the place of another, is told its features; it is
added after it was told."""
COUNT, SUM, MEAN, STD, DISTINCT, RATIO, SINCE_LAST, TREND, EARLIER = range(9)
TOP, LAST, FIRST_NUMBER = 0, 1, 2
"""Words of an entity: its newest bucket, the time of its newest event, then its buckets."""
NEVER = -(2**62)
SKETCH = 4
"""Words of a sketch: 256 bits."""


class Pasts(NamedTuple):
    """The same memory, a row an entity, under several types."""

    integers: Ints
    numbers: Floats
    words: Words
    counts: Counts


class Shape(NamedTuple):
    """Where things lie in the row of an entity.

    Attributes:
        length: Of a bucket, in milliseconds.
        ring: Buckets; bucket b is at b % ring.
        sums: Fields that are summed up.
        stride: Numbers of a bucket: the sums, the sums of squared deviations, the sums of
            co-deviations with the time, then the sum of the times and of their squared deviations.
        times: Where those of the times are in a bucket, or -1. A time is the share of the bucket
            that is over.
        sketches: Of a bucket.
        sketches_at: The first word of the sketches.
        counts_at: The first count.
    """

    length: int
    ring: int
    sums: int
    stride: int
    times: int
    sketches: int
    sketches_at: int
    counts_at: int


class Plan(NamedTuple):
    """What is computed.

    Attributes:
        squares: For each summed field where its squared deviations are in a bucket, or -1.
        slopes: As `squares`, for its co-deviations with the time.
        earlier: (fields, 3), for each whose earlier values are kept: its place in `Steps.values`,
            how many, and the first word: how many there were so far, then a ring of the times,
            ascending, then a ring of the values.
        spans: Buckets of each window, ascending.
        features: (features, 4): function, which field or sketch, which window, which of the
            earlier values.
        estimates: How many different values a sketch with so many bits has seen.
    """

    squares: Ints
    slopes: Ints
    earlier: Ints
    spans: Ints
    features: Ints
    estimates: Floats


class Steps(NamedTuple):
    """The rows of a batch, as columns.

    Attributes:
        slots: Of the entities; -1 where nothing is known.
        kinds: ADD, CORRECT, TELL, AFTER.
        times: In milliseconds.
        buckets: Of `times`.
        ends: The last bucket of the windows.
        clocks: The newest bucket of the stream.
        values: (rows, numbers): of the summed fields, then of the others.
        befores: (rows, numbers): what a CORRECT takes out.
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
