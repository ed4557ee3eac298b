"""The mixture of a learner and a rule: what each has predicted, and how well so far."""

from __future__ import annotations

import math
from typing import NamedTuple

from learners.engine.kernels import Floats, Ints, helper, kernel, often, sigmoid

LARGEST = 30.0
"""Log-odds beyond it count as it: there `sigmoid` is exactly 0 and 1."""
LEAST = 1e-6
"""The least probability that a label is charged by: no single one decides for ever."""
LEAST_SHARE = 0.01
"""Of each of both in the score: events that one does not tell apart are ranked by the other."""


class Mixed(NamedTuple):
    """The mixture, row by row.

    Attributes
    ----------
    scores
        P(True).
    shares
        The learner's weight; the rule has the rest.
    added
        What the rule adds to the log-odds beyond what it usually adds.
    usual
        What it usually adds.
    """

    scores: Floats
    shares: Floats
    added: Floats
    usual: Floats


@kernel
def log_odds(p: float) -> float:
    """Of a probability, within +-LARGEST.

    >>> log_odds(0.5), log_odds(0.0), log_odds(2.0), round(log_odds(0.9), 3)
    (0.0, -30.0, 30.0, 2.197)
    """
    if p <= 0.0:
        return -LARGEST
    if p >= 1.0:
        return LARGEST
    return max(-LARGEST, min(LARGEST, math.log(p / (1.0 - p))))


@helper
def _charged(p: float, target: float) -> float:
    """The log of the probability that was given to a label."""
    return math.log(max(LEAST, min(1.0, p if target > 0.5 else 1.0 - p)))


@kernel
def mix(
    model: Floats, rule: Floats, targets: Floats, times: Ints, kept: float, bound: float,
    lead: Floats, usual: Floats, scores: Floats, shares: Floats, added: Floats, always: Floats,
) -> None:  # fmt: skip
    """Fill what `Mixed` has, row after row; a row with a target then changes lead and usual."""
    for i in range(targets.shape[0]):
        scores[i], shares[i], added[i], always[i] = model[i], 1.0, 0.0, 0.0
        if model[i] != model[i] or rule[i] != rule[i]:
            continue
        mean = usual[0] / usual[1]
        share = max(LEAST_SHARE, min(1.0 - LEAST_SHARE, sigmoid(lead[0])))
        odds = log_odds(max(bound, min(1.0 - bound, rule[i])))
        shares[i], added[i], always[i] = share, (1.0 - share) * (odds - mean), (1.0 - share) * mean
        scores[i] = sigmoid(share * log_odds(model[i]) + (1.0 - share) * odds)
        for _ in range(often(targets[i], times, i)):
            ahead = _charged(model[i], targets[i]) - _charged(rule[i], targets[i])
            lead[0] = kept * lead[0] + ahead
            usual[0], usual[1] = kept * usual[0] + odds, kept * usual[1] + 1.0
