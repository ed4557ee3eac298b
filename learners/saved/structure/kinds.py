"""The kinds of values that an estimator consists of: their parts, and how they are made of them.

A kind is made early, empty, and filled when all others are there; or late, of its parts, since
it cannot change afterwards. So references from everywhere to everywhere survive.
"""

from __future__ import annotations

import collections
import datetime
import functools
import operator
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from learners.errors import ForbiddenClass, SnapshotDamaged
from learners.saved.structure import draws

Parts = Sequence[Any]


@dataclass(frozen=True)
class Kind:
    """How values of one type become parts, and parts a value.

    Attributes
    ----------
    tag
        Its name in a snapshot.
    parts
        Of a value: plain values, and others that have parts themselves.
    make
        Early: the empty value, of the parts as they are written. Late: of all parts.
    fill
        Early: puts the parts in. None: the kind is made late.
    """

    tag: str
    parts: Callable[[Any], Parts]
    make: Callable[[Parts], Any]
    fill: Callable[[Any, Parts], None] | None = None


def _entries(value: dict[Any, Any]) -> Parts:
    return [*value, *value.values()]


def _fill_dict(value: dict[Any, Any], parts: Parts) -> None:
    n, odd = divmod(len(parts), 2)
    if odd:
        raise SnapshotDamaged("a dict with a key too many")
    # Not `update`: that of a Counter adds.
    for key, part in zip(parts[:n], parts[n:], strict=True):
        value[key] = part


def _fill_defaultdict(value: collections.defaultdict[Any, Any], parts: Parts) -> None:
    value.default_factory = parts[0]
    _fill_dict(value, parts[1:])


def _fill_deque(value: collections.deque[Any], parts: Parts) -> None:
    value.extend(parts[1:])


def _partial_parts(value: functools.partial[Any]) -> Parts:
    return [value.func, len(value.args), *value.args, *_entries(value.keywords)]


def _partial(parts: Parts) -> functools.partial[Any]:
    function, n = parts[:2]
    keywords: dict[Any, Any] = {}
    _fill_dict(keywords, parts[2 + n :])
    return functools.partial(function, *parts[2 : 2 + n], **keywords)


def _array_parts(value: np.ndarray[Any, Any]) -> Parts:
    if value.dtype.kind not in "biuf":
        raise TypeError(f"an array of {value.dtype}")
    by_columns = value.flags.f_contiguous and not value.flags.c_contiguous
    cells = value.T if by_columns else value
    return [value.dtype.str, by_columns, cells.tobytes(), *value.shape]


def _array(parts: Parts) -> np.ndarray[Any, Any]:
    kind, by_columns, cells, *shape = parts
    flat = np.frombuffer(cells, _dtype(kind))
    if by_columns:
        return flat.reshape(shape[::-1]).copy().T
    return flat.reshape(shape).copy()


def _dtype(name: str) -> np.dtype[Any]:
    if len(name) != 3 or name[0] not in "<>|" or name[1] not in "biuf" or name[2] not in "1248":
        raise SnapshotDamaged(f"an array of {name!r}")
    return np.dtype(name)


def scalar_parts(value: np.generic) -> list[Any]:
    """A number of NumPy's: its kind and its bits."""
    if value.dtype.kind not in "biuf":
        raise TypeError(f"a number of {value.dtype}")
    return [value.dtype.str, value.tobytes()]


def scalar(kind: str, bits: bytes) -> Any:
    """What `scalar_parts` was given; also an int that MessagePack has no room for."""
    if kind == "int":
        return int.from_bytes(bits, "big", signed=True)
    return np.frombuffer(bits, _dtype(kind))[0]


FEW, TRIES = 64, 200
"""A set of more members keeps no order; so many orders are tried, for a forged set too."""


def big(value: int) -> list[Any]:
    """An int over 64 bits."""
    return ["int", value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)]


def _iterator_parts(value: Any) -> Parts:
    _, (items, *_), *index = value.__reduce__()
    return list(items[index[0] if index else 0 :])


def _fill_set(empty: set[Any], parts: Parts) -> None:
    empty.update(_insertions(parts))


def _insertions(parts: Parts) -> Parts:
    """An order of insertion by which a set is walked in the order of `parts`, if one is found.

    River's estimators walk over sets, of classes for example, and break ties by what comes first.
    Where two hashes collide, what was inserted first comes first: inserted in the order of the
    walk, a set may be walked in another one.
    """
    order, draw = list(parts), random.Random(0)
    for _ in range(TRIES if len(parts) <= FEW else 0):
        if all(map(operator.is_, set(order), parts)):
            return order
        draw.shuffle(order)
    return parts


KINDS: dict[type, Kind] = {
    list: Kind("list", list, lambda _: [], list.extend),
    set: Kind("set", list, lambda _: set(), _fill_set),
    dict: Kind("dict", _entries, lambda _: {}, _fill_dict),
    collections.OrderedDict: Kind(
        "OrderedDict", _entries, lambda _: collections.OrderedDict(), _fill_dict
    ),
    collections.Counter: Kind("Counter", _entries, lambda _: collections.Counter(), _fill_dict),
    collections.defaultdict: Kind(
        "defaultdict",
        lambda value: [value.default_factory, *_entries(value)],
        lambda _: collections.defaultdict(),
        _fill_defaultdict,
    ),
    collections.deque: Kind(
        "deque",
        lambda value: [value.maxlen, *value],
        lambda parts: collections.deque(maxlen=parts[0]),
        _fill_deque,
    ),
    tuple: Kind("tuple", list, tuple),
    frozenset: Kind("frozenset", list, lambda parts: frozenset(_insertions(parts))),
    complex: Kind("complex", lambda value: [value.real, value.imag], lambda parts: complex(*parts)),
    type(iter([])): Kind("iterator", _iterator_parts, lambda parts: iter(list(parts))),
    functools.partial: Kind("partial", _partial_parts, _partial),
    np.ndarray: Kind("array", _array_parts, _array),
    datetime.datetime: Kind(
        "datetime",
        lambda value: [value.isoformat()],
        lambda parts: datetime.datetime.fromisoformat(*parts),
    ),
    datetime.date: Kind(
        "date",
        lambda value: [value.isoformat()],
        lambda parts: datetime.date.fromisoformat(*parts),
    ),
    datetime.timedelta: Kind(
        "timedelta",
        lambda value: [value.days, value.seconds, value.microseconds],
        lambda parts: datetime.timedelta(*parts),
    ),
    statistics.NormalDist: Kind(
        "NormalDist",
        lambda value: [value.mean, value.stdev],
        lambda parts: statistics.NormalDist(*parts),
    ),
} | {kind: Kind(tag, parts, make) for tag, kind, parts, make in draws.KINDS}


def slots(kind: type) -> dict[str, Any]:
    """The attributes of a class's objects that are not in their `__dict__`."""
    return {
        name: found
        for base in reversed(kind.__mro__)
        for name, found in vars(base).items()
        if type(found) is _SLOT
    }


class _Slotted:
    __slots__ = ("slot",)


_SLOT = type(vars(_Slotted)["slot"])


def require_method(owner: Any, name: str, allowed: Callable[[str], Any]) -> Any:
    """A method bound to an object, if the function behind it may be named."""
    if type(owner) in draws.METHODS and name in draws.METHODS[type(owner)]:
        return getattr(owner, name)
    for base in type(owner).__mro__:
        found = vars(base).get(name)
        if found is not None:
            function = allowed(f"{base.__module__}.{base.__qualname__}.{name}")
            if function is found:
                return found.__get__(owner)
            break
    raise ForbiddenClass(f"the method {name} of {type(owner).__name__}")
