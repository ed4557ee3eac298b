"""The features of events that are columns already."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.events.fields import NUMBER, EventFields
from agents.events.read import Read
from agents.events.reader import TAKES_BOOLS, EventReader
from agents.operations import Operations
from agents.rejected import Rejected
from learners.base import UNSUPERVISED
from learners.engine.kernels import Floats, Ints
from learners.engine.rows import Rows
from learners.model import UNLABELLED, Model

_NUMBERS = frozenset(NUMBER)
_LONGEST = 2.0**63
"""Integers from here on are left to the decoder."""


class FeatureReader:
    """Reads features and labels of events.

    Declared features become a matrix straight from their columns. Where that is not possible, or
    where anything is wrong, `EventReader` reads the fields of all: it says what is wrong.

    Args:
        reader: Of the same fields and model.
        fields: Which fields are what.
        model: It knows which labels it takes.
    """

    def __init__(self, reader: EventReader, fields: EventFields, model: Model) -> None:
        self._reader = reader
        self._fields = fields
        self._names = reader.matrix_names
        self._takes_bools = model.task in TAKES_BOOLS
        self._unsupervised = model.task in UNSUPERVISED

    @property
    def names(self) -> tuple[str, ...] | None:
        """The columns of every matrix; None where events differ, or rows are dicts."""
        return self._names

    def read(self, operations: Operations, events: Ints) -> tuple[Read, list[Rejected]]:
        """The features of the events at these places; and what is set aside."""
        if (known := operations.read) is not None:
            return known if len(events) == len(known.at) else known.some(events), []
        matrix, labels = self._matrix(operations, events), self._labels(operations, events)
        if self._names is not None and matrix is not None and labels is not None:
            return Read(events, Rows(self._names, matrix), labels), []
        if not len(events):
            return Read(events, [], []), []
        at = events.tolist()
        found, failures = self._reader.read_fields([operations.fields(i) for i in at])
        rejected = [operations.reject(at[f.index], f.stage, f.error) for f in failures]
        return Read(events[found.index], found.rows, found.labels), rejected

    def _matrix(self, operations: Operations, events: Ints) -> Floats | None:
        """Shape (events, features), where all is as it should be."""
        if self._names is None or self._fields.id in operations.added:
            return None
        matrix = np.empty((len(events), len(self._names)))
        for j, name in enumerate(self._names):
            column = operations.column(name, events)
            if isinstance(column, list) and not _numbers(column):
                return None
            matrix[:, j] = column
        return matrix if np.isfinite(matrix).all() else None

    def _labels(self, operations: Operations, events: Ints) -> list[Any] | None:
        """The labels that came with the events; None where one must be looked at."""
        name = self._fields.label
        if self._unsupervised:
            return [None] * len(events)
        if name is None:
            return [UNLABELLED] * len(events)
        labels = operations.column(name, events)
        if isinstance(labels, list) and self._takes_bools and set(map(type, labels)) <= {bool}:
            return labels
        return None


def _numbers(column: list[Any]) -> bool:
    """Whether all are numbers that a float can hold as the decoder would."""
    kinds = set(map(type, column))
    if not kinds <= _NUMBERS:
        return False
    return int not in kinds or all(-_LONGEST < value < _LONGEST for value in column)
