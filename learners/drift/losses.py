"""What a prediction costs, once its label is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from learners.base import UNLABELLED, Scored, Task
from learners.engine.kernels import LIMIT, Floats

LOSSES: dict[Task, tuple[str, ...]] = {
    "binary": ("zero_one", "log"),
    "multiclass": ("zero_one",),
    "regression": ("absolute", "squared"),
}
"""The losses of each task; the first is taken unless another is named."""

_LEAST = 1e-15


def losses(name: str, scored: Scored, labels: Sequence[Any]) -> Floats:
    """The loss of each row; NaN without a label or a prediction.

    zero_one: 0 for a right prediction, else 1. log: minus the logarithm of the probability
    of the label. absolute, squared: of the error.
    """
    if name == "zero_one":
        costs = [float(p != y) for p, y in zip(scored.predictions, labels, strict=True)]
    elif name == "log":
        costs = [_log(s, y) for s, y in zip(scored.scores, labels, strict=True)]
    else:
        power = 2 if name == "squared" else 1
        costs = [_error(p, y, power) for p, y in zip(scored.predictions, labels, strict=True)]
    array = np.array(costs, np.float64)
    for known in (labels, scored.predictions):
        nothing = UNLABELLED if known is labels else None
        if nothing in known:
            array[[value is nothing for value in known]] = math.nan
    return array


def _log(score: float | None, label: Any) -> float:
    if score is None or label is UNLABELLED:
        return math.nan
    return -math.log(max(score if label else 1.0 - score, _LEAST))


def _error(prediction: Any, label: Any, power: int) -> float:
    if prediction is None or label is UNLABELLED:
        return math.nan
    error = min(abs(float(prediction) - label), LIMIT)  # NaN stays NaN, which is passed over
    return float(min(error**power, LIMIT))
