"""What a scanner of events is given, and what it finds: the words of all formats."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.words import Bytes
from learners.engine.kernels import Floats, Ints, helper

NOTHING, FALSE, TRUE, INTEGER, NUMBER, TEXT, ODD = range(7)
"""What a value is: from FALSE to NUMBER it can be a feature. INTEGER is a NUMBER that the format
writes as a whole one; ODD is not read."""

ID, LABEL = 0, 1


class Fields(NamedTuple):
    """The fields that are looked for.

    Attributes:
        names: Of the features, then of the other values, one behind the other.
        ends: Where each of these ends; an empty name is none.
        closed: Whether a number or bool of any other name makes a row odd.
    """

    names: Bytes
    ends: Ints
    closed: bool

    @classmethod
    def of(cls, features: tuple[str, ...], values: tuple[str, ...], *, closed: bool) -> Fields:
        """From names; "" where there is no such value."""
        names = [name.encode() for name in (*features, *values)]
        ends = np.cumsum([len(name) for name in names], dtype=np.int64)
        return cls(np.frombuffer(b"".join(names), np.uint8), ends, closed)


class Found(NamedTuple):
    """What was found in each row.

    Attributes:
        matrix: The features, of shape (rows, features).
        kinds: What the other values are, of shape (rows, values); all are ODD in a row that was
            not read, whose other entries mean nothing. Where id and label are looked for, they
            are the first two.
        spans: Where each begins and ends in the data, of shape (rows, values, 2).
        values: Those that are numbers, of shape (rows, values).
    """

    matrix: Floats
    kinds: Bytes
    spans: Ints
    values: Floats

    @classmethod
    def empty(cls, rows: int, features: int, values: int = 2) -> Found:
        """Room for so many."""
        return cls(
            np.empty((rows, features)),
            np.empty((rows, values), np.uint8),
            np.empty((rows, values, 2), np.int64),
            np.empty((rows, values)),
        )

    def rows(self, which: Ints) -> Found:
        """Some of the rows."""
        return Found(self.matrix[which], self.kinds[which], self.spans[which], self.values[which])


@helper
def name_at(data: Bytes, at: int, stop: int, fields: Fields) -> int:
    """Which of the fields has the name between two places of the data; -1 for none."""
    first = 0
    for field in range(fields.ends.shape[0]):
        end = fields.ends[field]
        if end - first == stop - at > 0:
            same = True
            for j in range(end - first):
                if fields.names[first + j] != data[at + j]:
                    same = False
                    break
            if same:
                return field
        first = end
    return -1
