"""Generators of random numbers, and the statistics that River has in Rust, as data."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from learners.errors import SnapshotDamaged

METHODS: dict[type, frozenset[str]] = {
    random.Random: frozenset(
        ("choice", "choices", "gauss", "randint", "random", "sample", "shuffle", "uniform")
    )
}
"""Methods of generators that an estimator may keep."""

_WORDS = 624  # of a Mersenne twister's state


def _random_parts(value: random.Random) -> list[Any]:
    version, (*words, index), gauss = value.getstate()
    return [version, np.array(words, np.uint32).tobytes(), index, gauss]


def _random(parts: Sequence[Any]) -> random.Random:
    version, words, index, gauss = parts
    if gauss is not None and type(gauss) is not float:
        raise SnapshotDamaged("a generator with a wrong draw kept back")
    generator = random.Random(0)
    generator.setstate((version, (*np.frombuffer(words, np.uint32).tolist(), index), gauss))
    return generator


def _twister_parts(value: np.random.RandomState) -> list[Any]:
    state: Any = value.get_state(legacy=False)
    inner = state["state"]
    if state["bit_generator"] != "MT19937":
        raise TypeError(f"a RandomState over {state['bit_generator']}")
    words = inner["key"].astype(np.uint32).tobytes()
    return [words, inner["pos"], state["has_gauss"], state["gauss"]]


def _twister(parts: Sequence[Any]) -> np.random.RandomState:
    words, position, has_gauss, gauss = parts
    _require_ints(position, has_gauss)
    key = np.frombuffer(words, np.uint32)
    if len(key) != _WORDS or not 0 <= position <= _WORDS or type(gauss) is not float:
        raise SnapshotDamaged("a generator that cannot be")  # NumPy would read beyond the words
    state = np.random.RandomState(0)
    state.set_state(("MT19937", key, position, has_gauss, gauss))
    return state


def _generator_parts(value: np.random.Generator) -> list[Any]:
    state: Any = value.bit_generator.state
    if state["bit_generator"] != "PCG64":
        raise TypeError(f"a Generator over {state['bit_generator']}")
    inner = [number.to_bytes(16, "big") for number in state["state"].values()]
    return [*inner, state["has_uint32"], state["uinteger"]]


def _generator(parts: Sequence[Any]) -> np.random.Generator:
    state, inc, has_uint32, uinteger = parts
    _require_ints(has_uint32, uinteger)
    bits = np.random.PCG64(0)
    bits.state = {
        "bit_generator": "PCG64",
        "state": {"state": int.from_bytes(state, "big"), "inc": int.from_bytes(inc, "big")},
        "has_uint32": has_uint32,
        "uinteger": uinteger,
    }
    return np.random.Generator(bits)


def _require_ints(*values: Any) -> None:
    if any(type(value) is not int for value in values):
        raise SnapshotDamaged("a generator that cannot be")


KINDS: list[tuple[str, type, Callable[[Any], Any], Callable[[Sequence[Any]], Any]]] = [
    ("random", random.Random, _random_parts, _random),
    ("RandomState", np.random.RandomState, _twister_parts, _twister),
    ("Generator", np.random.Generator, _generator_parts, _generator),
]
