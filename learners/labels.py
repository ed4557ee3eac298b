"""Which labels a task takes."""

from __future__ import annotations

import math
from typing import Any

from learners.base import Task
from learners.errors import LabelError


def check_label(task: Task, y: Any) -> Any:
    """The label as the learner takes it.

    binary: a bool, or a number equal to 0 or 1, becomes a bool. regression: a finite number
    becomes a float. multiclass: a bool, an int or a str stays as it is, a whole float
    becomes an int. clustering and anomaly learn without one: anything becomes None.

    Raises LabelError for every other value.
    """
    if task == "binary":
        if isinstance(y, (bool, int, float)) and y in (0, 1):
            return bool(y)
        raise LabelError(f"label {y!r}: a binary learner takes true, false, 0 or 1{_hint(y)}")
    if task == "regression":
        if isinstance(y, (int, float)) and not isinstance(y, bool) and _finite(y):
            return float(y)
        raise LabelError(f"label {y!r}: a regression takes a finite number")
    if task == "multiclass":
        if isinstance(y, float) and y.is_integer():
            return int(y)
        if isinstance(y, (bool, int, str)):
            return y
        raise LabelError(f"label {y!r}: a classifier takes a string, an integer or a bool")
    return None


def _hint(y: Any) -> str:
    """What to do where labels are words, or classes."""
    if not isinstance(y, (str, int)):
        return ""
    return " (name others in label_values, or take a learner of several classes)"


def _finite(y: int | float) -> bool:
    try:
        return math.isfinite(y)
    except OverflowError:
        return False
