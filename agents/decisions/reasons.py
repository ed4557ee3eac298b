"""The reasons of a prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from topics.records import Reason


def top(names: Sequence[str], values: Any, k: int) -> tuple[Reason, ...]:
    """The ``k`` features that moved a score most, the strongest first; equal ones by name.

    Those that added nothing are no reasons.

    Args:
        names: Of features.
        values: An array of what each added to the margin.
        k: How many at most.

    >>> import numpy as np
    >>> top(("amount", "night", "risk"), np.array([-0.5, 0.0, 2.0]), 3)
    (Reason(feature='risk', contribution=2.0), Reason(feature='amount', contribution=-0.5))
    """
    told = zip(names, values.tolist(), strict=True)
    strongest = sorted([(-abs(value), name, value) for name, value in told if value])[:k]
    return tuple([Reason(name, value) for _, name, value in strongest])
