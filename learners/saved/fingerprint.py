"""A structural digest, equal for equal things in any process."""

from __future__ import annotations

import copyreg
import hashlib
import types
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

import numpy as np

from learners.errors import NotSnapshotable
from learners.saved.structure.names import Names
from learners.saved.structure.write import Taker


def fingerprint(value: Any) -> str:
    """32 hexadecimal digits of a walk through `value`.

    Floats count by `float.hex` (so 0.0 and -0.0 differ, all NaN are one), arrays by type,
    shape and the bits of their elements, generators of random numbers by their state,
    classes and functions by name, all other objects by class and by the parts that a snapshot
    has of them, or else by what `copyreg` would save. The order of a set or a dict does not
    count, since equal models may have met their features in another order; that of an
    OrderedDict does. What is met a second time counts as a reference to the first, so cycles
    end.
    """
    digest = hashlib.sha256()
    for token in _walk(value):
        digest.update(token)
    return digest.hexdigest()[:32]


def _walk(root: Any) -> Iterator[bytes]:
    seen: dict[int, int] = {}
    alive: list[Any] = []  # an id is only good while its object lives
    stack: list[Any] = [root]
    while stack:
        value = stack.pop()
        atom = _atom(value)
        if atom is not None:
            yield _framed(atom)
            continue
        if id(value) in seen:
            yield _framed(b"again", str(seen[id(value)]).encode())
            continue
        seen[id(value)] = len(seen)
        label, children = _parts(value)
        alive.append((value, children))
        yield _framed(label, str(len(children)).encode())
        stack.extend(reversed(children))


def _framed(*parts: bytes) -> bytes:
    return b"".join(str(len(part)).encode() + b":" + part for part in parts)


def _atom(value: Any) -> bytes | None:
    """The bytes of what has no parts, else None."""
    kind = type(value)
    if value is None or kind is bool or kind is int:
        return repr(value).encode()
    if kind is float:
        return b"float " + _hex(value)
    if kind is str:
        return b"str " + str(value).encode("utf-8", "surrogatepass")
    if kind is bytes:
        return b"bytes " + bytes(value)
    if isinstance(value, np.generic):
        return f"numpy {value.dtype.str} ".encode() + repr(value.item()).encode()
    if isinstance(value, (type, types.FunctionType)) or _is_builtin(value):
        return f"name {value.__module__}.{value.__qualname__}".encode()
    return None


def _is_builtin(value: Any) -> bool:
    """A function of C or Rust, and not the method of an object."""
    owner = getattr(value, "__self__", None)
    is_method = owner is not None and not isinstance(owner, (types.ModuleType, type))
    return isinstance(value, types.BuiltinFunctionType) and not is_method


def _hex(value: float) -> bytes:
    return value.hex().encode() if value == value else b"nan"


def _parts(value: Any) -> tuple[bytes, list[Any]]:
    """A label and the parts of what has some."""
    kind = type(value)
    if kind is np.ndarray:
        return f"array {value.dtype.str} {value.shape}".encode(), _cells(value)
    if kind in _UNORDERED:
        return kind.__name__.encode(), _UNORDERED[kind](value)
    try:
        (tag, name, *attributes), parts = _take(value)
    except (TypeError, NotSnapshotable):
        return _object(value)
    if tag == "VectorDict":
        parts = [*parts[:2], dict(value.items())]
    elif tag == "object":
        ordered = sorted(zip(attributes, parts, strict=True), key=itemgetter(0))
        parts = [part for pair in ordered for part in pair]
    return f"{tag} {name}".encode(), list(parts)


def _cells(value: np.ndarray[Any, Any]) -> list[Any]:
    if value.dtype.kind == "f":
        value = np.where(np.isnan(value), np.nan, value)  # one NaN, whatever its sign
    if value.dtype.kind in "biuf":
        return [value.tobytes()]
    return list(value.ravel().tolist())


def _pairs(value: dict[Any, Any]) -> list[Any]:
    ordered = sorted(value.items(), key=lambda item: fingerprint(item[0]))
    return [part for item in ordered for part in item]


_take = Taker(Names(), learning=True)
_UNORDERED: dict[type, Callable[[Any], list[Any]]] = {
    set: lambda value: sorted(value, key=fingerprint),
    frozenset: lambda value: sorted(value, key=fingerprint),
    dict: _pairs,
    Counter: _pairs,
    defaultdict: lambda value: [value.default_factory, *_pairs(value)],
}


def _object(value: Any) -> tuple[bytes, list[Any]]:
    """Of what no snapshot takes: class, arguments, attributes, list items and dict items."""
    label = f"object {type(value).__module__}.{type(value).__qualname__}".encode()
    reduced = value.__reduce_ex__(4)
    if isinstance(reduced, str):
        return label, [reduced]
    function, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
    if function is copyreg.__newobj__:  # type: ignore[attr-defined]
        arguments = arguments[1:]
    return label, [arguments, state, list(items or ()), dict(pairs or ())]
