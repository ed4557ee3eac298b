"""The fields of many operations as columns: a block between two stages has them so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, overload

import msgspec
import numpy as np

from agents.lazy_fields import Fields
from learners.engine.kernels import Floats, Ints

FieldValues = bytes | list[Any]
"""Values that are all floats as doubles, little-endian; any others as a list."""

DOUBLE = np.dtype("<f8")


class FieldShape(msgspec.Struct, array_like=True, gc=False):
    """Operations with the same fields in the same order.

    Attributes:
        names: Of the fields.
        columns: Of each field the values, operation after operation.
    """

    names: tuple[str, ...]
    columns: list[FieldValues]

    def part(self, first: int, end: int) -> FieldShape:
        """Some of the operations, one after another."""
        rows, doubles = slice(first, end), slice(8 * first, 8 * end)
        columns = [c[doubles] if isinstance(c, bytes) else c[rows] for c in self.columns]
        return FieldShape(self.names, columns)

    def has(self, count: int) -> bool:
        """Whether there is a column for each field, with so many values."""
        sizes = [len(c) / 8 if isinstance(c, bytes) else len(c) for c in self.columns]
        return sizes == [count] * len(self.names)


class FieldShapes(msgspec.Struct, array_like=True, gc=False):
    """The fields of some operations, as they are written.

    Attributes:
        each: Operations of one shape keep their order in it.
        which: The number of the shape of each operation.
    """

    each: list[FieldShape]
    which: list[int]

    @classmethod
    def of(
        cls, fields: Sequence[Fields], are_events: Sequence[bool], added: Mapping[str, Floats]
    ) -> FieldShapes:
        """Those of the fields of operations; events have what was added to them, too."""
        rows: dict[tuple[tuple[str, ...], bool], list[int]] = {}
        for i, (each, is_event) in enumerate(zip(fields, are_events, strict=True)):
            rows.setdefault((tuple(each), is_event), []).append(i)
        shapes, which = [], [0] * len(fields)
        for number, ((names, is_event), at) in enumerate(rows.items()):
            values = zip(*[fields[i].values() for i in at], strict=True)
            columns = dict(zip(names, map(_packed, values), strict=True))
            if is_event:  # as in a dict, what was there already keeps its place
                columns |= {name: column[at].tobytes() for name, column in added.items()}
            shapes.append(FieldShape(tuple(columns), list(columns.values())))
            for i in at:
                which[i] = number
        return cls(shapes, which)

    @classmethod
    def joined(cls, parts: Sequence[FieldShapes]) -> FieldShapes:
        """Those of several blocks, one behind the other."""
        if len(parts) == 1:
            return parts[0]
        groups: dict[tuple[tuple[str, ...], int], list[FieldShape]] = {}
        numbers: dict[tuple[tuple[str, ...], int], int] = {}
        which: list[int] = []
        for part in parts:
            here = []
            seen = Counter[tuple[str, ...]]()  # events and labels may have the same names
            for shape in part.each:
                key = shape.names, seen[shape.names]
                seen[shape.names] += 1
                groups.setdefault(key, []).append(shape)
                here.append(numbers.setdefault(key, len(numbers)))
            which += [here[number] for number in part.which]
        return cls([_behind(shapes) for shapes in groups.values()], which)

    def part(self, at: range, ranks: Sequence[int]) -> FieldShapes:
        """Those of the operations at these places, given the rank of each in its shape."""
        which, spans = self.which[at.start : at.stop], dict[int, tuple[int, int]]()
        for number, rank in zip(which, ranks[at.start : at.stop], strict=True):
            spans[number] = spans.get(number, (rank, rank))[0], rank + 1
        new = {number: i for i, number in enumerate(spans)}
        each = [self.each[number].part(*span) for number, span in spans.items()]
        return FieldShapes(each, [new[number] for number in which])

    def ranks(self) -> list[int]:
        """The place of each operation among those of its shape."""
        counts = [0] * len(self.each)
        found = []
        for number in self.which:
            found.append(counts[number])
            counts[number] += 1
        return found

    def are_of(self, count: int) -> bool:
        """Whether all columns have the length that so many operations give them."""
        counts = Counter(self.which)
        named = counts.keys() <= set(range(len(self.each))) and len(self.which) == count
        return named and all(shape.has(counts[n]) for n, shape in enumerate(self.each))


class FieldColumns(Sequence[Fields]):
    """The fields of many operations; a dict of one is built only where it is asked for.

    Args:
        shapes: The fields.
    """

    def __init__(self, shapes: FieldShapes) -> None:
        self._shapes = shapes.each
        self._which, self._ranks = shapes.which, shapes.ranks()
        self._shape_of = np.array(self._which, np.int64)
        self._rank_of = np.array(self._ranks, np.int64)
        self._lists: dict[int, list[list[Any]]] = {}

    def __len__(self) -> int:
        return len(self._which)

    @overload
    def __getitem__(self, i: int) -> Fields: ...
    @overload
    def __getitem__(self, i: slice) -> Sequence[Fields]: ...
    def __getitem__(self, i: int | slice) -> Fields | Sequence[Fields]:
        if isinstance(i, slice):
            return [self[j] for j in range(*i.indices(len(self)))]
        number, rank = self._which[i], self._ranks[i]
        if number not in self._lists:
            self._lists[number] = list(map(_listed, self._shapes[number].columns))
        values = [column[rank] for column in self._lists[number]]
        return dict(zip(self._shapes[number].names, values, strict=True))

    def column(self, name: str) -> list[Any]:
        """A field of all operations, with None where it is absent."""
        columns = [_of(shape, name) for shape in self._shapes]
        if len(columns) == 1:
            return columns[0] or [None] * len(self)
        values = [columns[number] for number in self._which]
        return [c[rank] if c else None for c, rank in zip(values, self._ranks, strict=True)]

    def floats(self, name: str, at: Ints) -> Floats | None:
        """A field of the operations at these places, where all are of a shape that has it as
        doubles; else None."""
        numbers = self._shape_of[at]
        if not len(numbers) or (numbers != numbers[0]).any():
            return None
        shape = self._shapes[numbers[0]]
        if name not in shape.names:
            return None
        column = shape.columns[shape.names.index(name)]
        if not isinstance(column, bytes):
            return None
        values: Floats = np.frombuffer(column, DOUBLE)[self._rank_of[at]]
        return values


def _packed(values: Iterable[Any]) -> FieldValues:
    column = list(values)
    return np.array(column, DOUBLE).tobytes() if set(map(type, column)) == {float} else column


def _listed(column: FieldValues) -> list[Any]:
    return np.frombuffer(column, DOUBLE).tolist() if isinstance(column, bytes) else column


def _of(shape: FieldShape, name: str) -> list[Any] | None:
    return _listed(shape.columns[shape.names.index(name)]) if name in shape.names else None


def _behind(shapes: Sequence[FieldShape]) -> FieldShape:
    """Of several blocks; all with the same fields."""
    columns = zip(*[shape.columns for shape in shapes], strict=True)
    return FieldShape(shapes[0].names, [_one_column(parts) for parts in columns])


def _one_column(parts: Sequence[FieldValues]) -> FieldValues:
    if all(isinstance(part, bytes) for part in parts):
        return b"".join(parts)  # type: ignore[arg-type]
    return list(chain.from_iterable(map(_listed, parts)))
