"""Checks of parameters; each error names the key, the value and what is allowed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from learners.errors import UnknownParameter, WrongValue

T = TypeVar("T")


def number(
    key: str,
    value: Any,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    most: float = math.inf,
) -> float:
    """A finite number, greater than `above`, not less than `least`, not greater than `most`."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not good or value <= above or value < least or value > most:
        limit = f" above {above:g}" if above > -math.inf else ""
        limit += f" not below {least:g}" if least > -math.inf else ""
        limit += f" not above {most:g}" if most < math.inf else ""
        raise WrongValue(key, value, f"must be a number{limit}")
    return float(value)


def whole(key: str, value: Any, *, least: int, most: int | None = None) -> int:
    """An integer not less than `least`, not greater than `most`."""
    good = isinstance(value, int) and not isinstance(value, bool) and value >= least
    if not good or (most is not None and value > most):
        limit = "" if most is None else f" and not above {most}"
        raise WrongValue(key, value, f"must be a whole number not below {least}{limit}")
    return int(value)


def refuse_unknown(learner: str, params: Mapping[str, Any], allowed: Sequence[str]) -> None:
    """Refuse what is none of the `allowed` parameters of a learner."""
    for key in params:
        if key not in allowed:
            raise UnknownParameter(
                f"learner {learner!r} has no parameter {key!r}; it takes {', '.join(allowed)}"
            )


def switch(key: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise WrongValue(key, value, "must be true or false")
    return value


def one_of(key: str, value: Any, allowed: Sequence[T]) -> T:
    """One of `allowed`, of the same type."""
    for choice in allowed:
        if type(value) is type(choice) and value == choice:
            return choice
    raise WrongValue(key, value, f"must be one of {', '.join(map(repr, allowed))}")
