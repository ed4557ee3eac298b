"""Generators of random numbers that River seeds from the operating system.

No run with one could be repeated, and no model with one restored to what it was. Distributions
hold one that nothing draws from: it makes two equal models look different, and is most of the
bytes of a tree's snapshot.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any


def is_distribution(kind: type) -> bool:
    """Whether `kind` is one of River's distributions."""
    proba = sys.modules.get("river.proba.base")
    return proba is not None and issubclass(kind, proba.Distribution)


def seed(parts: Iterable[Any]) -> None:
    """Give the seed 0 to each part of a new estimator that takes one and has none."""
    for part in parts:
        generator = getattr(part, "_rng", None)
        if generator is None or is_distribution(type(part)):
            continue
        if getattr(part, "seed", 0) is None:
            part.seed = 0
            generator.seed(0)
