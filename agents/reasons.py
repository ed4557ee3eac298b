"""Why a score is what it is: the features that moved it most."""

from __future__ import annotations

from learners.base import Contributions
from topics.records import Reason


def top(why: Contributions, k: int) -> tuple[Reason, ...]:
    """The ``k`` features of the largest contributions, by absolute value; zeros are left out."""
    pairs = zip(why.names, why.values.tolist(), strict=True)
    moved = sorted(((n, v) for n, v in pairs if v), key=lambda pair: -abs(pair[1]))
    return tuple(Reason(name, value) for name, value in moved[:k])
