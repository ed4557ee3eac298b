"""River's distributions hold a generator seeded by the operating system, which nothing draws from.

It makes two equal models look different and is most of the bytes of a tree's snapshot.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any


def is_unseeded(value: Any) -> bool:
    """Whether `value` is one of River's distributions without a seed of its own."""
    proba = sys.modules.get("river.proba.base")
    return proba is not None and isinstance(value, proba.Distribution) and value.seed is None


def reduced(value: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """What pickle writes of an unseeded distribution: all but its generator."""
    state = {name: part for name, part in vars(value).items() if name != "_rng"}
    return rebuild, (type(value), state)


def rebuild(kind: type, state: dict[str, Any]) -> Any:
    """An unseeded distribution as it was, with a fresh generator that is the same everywhere."""
    value: Any = object.__new__(kind)
    vars(value).update(state, _rng=random.Random(0))
    return value
