"""A structural digest, equal for equal things in any process."""

from __future__ import annotations

import copyreg
import hashlib
import random
import types
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from learners.unseeded import is_unseeded


def fingerprint(value: Any) -> str:
    """32 hexadecimal digits of a walk through `value`.

    Floats count by `float.hex` (so 0.0 and -0.0 differ, all NaN are one), arrays by type,
    shape and the bits of their elements, generators of random numbers by their state,
    classes and functions by name, all other objects by class and what `copyreg` would save
    of them. The order of a set or a dict does not count, since equal models may have met
    their features in another order; that of an OrderedDict does. What is met a second time
    counts as a reference to the first, so cycles end.
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
    if type(value) is np.ndarray:
        label = f"array {value.dtype.str} {value.shape}".encode()
        return label, _cells(value)
    if type(value) in _PLAIN:
        return type(value).__name__.encode(), _PLAIN[type(value)](value)
    if isinstance(value, random.Random):
        return b"random", [value.getstate()]
    if isinstance(value, (types.MethodType, types.BuiltinMethodType)):
        return b"method", [value.__self__, value.__name__]
    return _object(value)


def _cells(value: np.ndarray[Any, Any]) -> list[Any]:
    if value.dtype.kind == "f":
        value = np.where(np.isnan(value), np.nan, value)  # one NaN, whatever its sign
    if value.dtype.kind in "biuf":
        return [value.tobytes()]
    return list(value.ravel().tolist())


def _pairs(value: dict[Any, Any]) -> list[Any]:
    ordered = sorted(value.items(), key=lambda item: fingerprint(item[0]))
    return [part for item in ordered for part in item]


_PLAIN: dict[type, Callable[[Any], list[Any]]] = {
    list: list,
    tuple: list,
    set: lambda value: sorted(value, key=fingerprint),
    frozenset: lambda value: sorted(value, key=fingerprint),
    dict: _pairs,
    OrderedDict: lambda value: [part for item in value.items() for part in item],
    bytearray: lambda value: [bytes(value)],
    complex: lambda value: [value.real, value.imag],
}


def _object(value: Any) -> tuple[bytes, list[Any]]:
    """Class, constructor arguments, attributes, list items and dict items."""
    label = f"object {type(value).__module__}.{type(value).__qualname__}".encode()
    reduced = value.__reduce_ex__(4)
    if isinstance(reduced, str):
        return label, [reduced]
    function, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
    if function is copyreg.__newobj__:  # type: ignore[attr-defined]
        arguments = arguments[1:]
    if is_unseeded(value):
        state = {name: part for name, part in state.items() if name != "_rng"}
    return label, [arguments, state, list(items or ()), dict(pairs or ())]
