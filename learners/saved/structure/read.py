"""Rows of MessagePack as the estimator that they were written of; see `write` for their form.

1. read all rows; 2. make what is early, empty; 3. make what is late; 4. fill; 5. hand over the
states of the user's own. Nothing that the rows name is called, apart from `load_state`.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from typing import Any

import msgpack

from learners.errors import SnapshotDamaged, SnapshotError
from learners.river.unseeded import is_distribution
from learners.saved.structure import native
from learners.saved.structure.kinds import KINDS, Kind, Parts, require_method, scalar, slots
from learners.saved.structure.names import Names
from learners.saved.structure.write import FORM, LONGEST, MORE, PLAIN

_UNMADE: Any = object()
_MAKING: Any = object()


def loads(data: bytes, names: Names) -> Any:
    """The estimator again. `names`: what it may hold beyond River's.

    Raises ForbiddenClass for a name that is not on the list, SnapshotDamaged for all else.
    """
    try:
        return _Reader(names).read(data)
    except SnapshotError:
        raise
    except Exception as error:
        raise SnapshotDamaged(f"{type(error).__name__}: {error}") from error


class _Reader:
    def __init__(self, names: Names) -> None:
        self._names = names
        self._forms: list[Kind] = []
        self._rows: list[list[Any]] = []
        self._made: list[Any] = []

    def read(self, data: bytes) -> Any:
        # 1. read all rows
        self._read_rows(data)
        # 2. make what is early, empty
        kinds = [self._forms[row[0]] for row in self._rows]
        self._made = [
            kind.make(row[1:]) if kind.fill else _UNMADE
            for kind, row in zip(kinds, self._rows, strict=True)
        ]
        # 3. make what is late
        for number, value in enumerate(self._made):
            if value is _UNMADE:
                self._make(number)
        # 4. fill; 5. hand over the states of the user's own, the inner ones first
        own = []
        for number, kind in enumerate(kinds):
            if kind.tag == "own":
                own.append((number, kind))
            elif kind.fill is not None:
                kind.fill(self._made[number], self._parts(number))
        for number, kind in reversed(own):
            assert kind.fill is not None
            kind.fill(self._made[number], self._parts(number))
        return self._made[0]

    def _read_rows(self, data: bytes) -> None:
        unpacker = msgpack.Unpacker(
            max_buffer_size=max(len(data), 1),
            max_array_len=LONGEST,
            max_map_len=0,
            max_ext_len=0,
            unicode_errors="surrogatepass",
        )
        unpacker.feed(data)
        for row in unpacker:
            if type(row) is not list or not row or type(row[0]) is not int:
                raise SnapshotDamaged("a row without its form")
            if row[0] == FORM:
                self._forms.append(self._form(row[1:]))
            elif row[0] == MORE:
                self._rows[-1] += row[1:]
            elif 0 <= row[0] < len(self._forms):
                self._rows.append(row)
            else:
                raise SnapshotDamaged(f"a row of form {row[0]}, which there is not")
        if unpacker.tell() != len(data):
            raise SnapshotDamaged("the last row is not whole")

    def _form(self, form: list[Any]) -> Kind:
        if len(form) < 2 or any(type(part) is not str for part in form):
            raise SnapshotDamaged("a form without its name")
        tag, name, *attributes = form
        if tag == "object":
            return _object(self._names.find_class(name), attributes)
        if tag == "record":
            return _record(self._names.find_class(name))
        if tag == "own" and name in self._names.classes:
            return _own(self._names.classes[name])
        if tag == "name":
            found = self._names.find_callable(name)
            return Kind(tag, list, lambda _: found)
        if tag == "method":
            return Kind(tag, list, self._method)
        return _by_tag()[tag]

    def _method(self, parts: Parts) -> Any:
        owner, name = parts
        return require_method(owner, name, self._names.find_callable)

    def _make(self, number: int) -> Any:
        if self._made[number] is _MAKING:
            raise SnapshotDamaged("a value that is a part of itself")
        self._made[number] = _MAKING
        value = self._forms[self._rows[number][0]].make(self._parts(number))
        self._made[number] = value
        return value

    def _parts(self, number: int) -> list[Any]:
        row = self._rows[number]
        if PLAIN.issuperset(map(type, row)):
            return row[1:]
        return [part if type(part) in PLAIN else self._decoded(part) for part in row[1:]]

    def _decoded(self, part: Any) -> Any:
        if type(part) is list and len(part) == 1 and type(part[0]) is int and part[0] >= 0:
            value = self._made[part[0]]
            return self._make(part[0]) if value is _UNMADE or value is _MAKING else value
        if type(part) is list and len(part) == 2:
            return scalar(*part)
        raise SnapshotDamaged(f"{type(part).__name__} is no part")


@functools.cache
def _by_tag() -> dict[str, Kind]:
    return {kind.tag: kind for kind in (*KINDS.values(), *native.kinds().values())}


def _record(kind: type) -> Kind:
    if not issubclass(kind, tuple):
        raise SnapshotDamaged(f"{kind.__name__} is no tuple")
    return Kind("record", list, lambda parts: tuple.__new__(kind, parts))


def _object(kind: type, attributes: list[str]) -> Kind:
    """Objects of a class: nothing of the class is called, neither to make nor to fill them."""
    slotted = slots(kind)
    ways = [slotted.get(name) for name in attributes]
    unseeded = is_distribution(kind)

    def fill(value: Any, parts: Parts) -> None:
        if len(parts) != len(attributes):
            raise SnapshotDamaged(f"an object with {len(parts)} attributes of {len(attributes)}")
        for name, slot, part in zip(attributes, ways, parts, strict=True):
            if slot is None:
                value.__dict__[name] = part
            else:
                slot.__set__(value, part)
        if unseeded and value.__dict__.get("seed") is None:
            value.__dict__["_rng"] = random.Random(0)

    return Kind("object", list, _bare(kind), fill)


def _own(kind: Any) -> Kind:
    """Objects of a class of the user's own, which takes its state itself."""

    def fill(value: Any, parts: Parts) -> None:
        (state,) = parts
        kind.load_state(value, state)

    return Kind("own", list, _bare(kind), fill)


def _bare(kind: type) -> Callable[[Parts], Any]:
    return lambda _: object.__new__(kind)
