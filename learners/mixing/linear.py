"""How the changes of linear learners become one change."""

from __future__ import annotations

import math
from collections.abc import Sequence

from learners.mixing.numbers import Numbers, added

FEW = 256
"""Labels of a mark up to which precisions are added; of more, their mean is taken: the sum of
workers that each came to their own optimum goes too far."""


def trace_gain(
    mixed: Numbers, changes: Sequence[Numbers], rate: float, beta: float
) -> tuple[Numbers, float]:
    """Logistic regression with a rate for each weight: weights, squares, and an intercept.

    a_k, how far partition k has come, is the sum of its squared gradients, each times the rate
    of its weight. The sum of the changes is taken times g = [A / (1 + A)] / sum of a_k / (1 +
    a_k), A being the sum of a_k: 1, so a sum, where all moved little, and 1 / partitions, so a
    mean, where each reached its own optimum. Returns the model and g.
    """
    if not changes:
        return mixed, 1.0
    total = added(changes)
    old, new = mixed.columns["squares"], total.columns["squares"]
    rates = {
        name: rate / (beta + math.sqrt(old.get(name, 0.0) + value / len(changes)))
        for name, value in new.items()
        if old.get(name, 0.0) + value > 0.0
    }
    all_of_them, each = 0.0, 0.0
    for change in changes:
        come = 0.0
        for name, value in change.columns["squares"].items():
            come += rates.get(name, 0.0) * value
        all_of_them += come
        each += come / (1.0 + come)
    gain = all_of_them / (1.0 + all_of_them) / each if each > 0.0 else 1.0
    return mixed + total.scaled(gain), gain


def ftrl_sums(mixed: Numbers, rate: float, beta: float, l1: float, l2: float) -> dict[str, float]:
    """FTRL's z of each weight, from its weight and n: they follow from each other.

    A weight of 0 keeps the z that was mixed, within +-l1.
    """
    sums, squares = mixed.columns.get("sums", {}), mixed.columns["squares"]
    made = {}
    for name, weight in mixed.columns["weights"].items():
        if weight == 0.0:
            made[name] = min(max(sums.get(name, 0.0), -l1), l1)
        else:
            sign = 1.0 if weight > 0.0 else -1.0
            slope = (beta + math.sqrt(squares[name])) / rate + l2
            made[name] = -weight * slope - l1 * sign
    return made


def precisions(mixed: Numbers, changes: Sequence[Numbers], few: int = FEW) -> Numbers:
    """AROW and SCW, by weights, "precisions" (1 / variance) and "pulls" (weight / variance).

    With up to `few` labels since the last mark precisions and pulls are added, which is exact
    for independent observations; else weights and precisions are means by count.
    """
    counted = [change for change in changes if change.count]
    total = sum(change.count for change in counted)
    if not total:
        return mixed
    if total <= few:
        return pulled(mixed + added(counted))
    mean = added(change.scaled(change.count / total) for change in counted)
    return _pushed(mixed + mean)


def pulled(numbers: Numbers) -> Numbers:
    """With the weights that follow from pulls and precisions."""
    columns, others = numbers.columns, numbers.others
    weights = {name: pull / columns["precisions"][name] for name, pull in columns["pulls"].items()}
    intercept = others["intercept_pull"] / others["intercept_precision"]
    return Numbers(
        numbers.count, {**columns, "weights": weights}, {**others, "intercept": intercept}
    )


def _pushed(numbers: Numbers) -> Numbers:
    """Pulls from weights and precisions."""
    columns, others = numbers.columns, numbers.others
    pulls = {name: w * columns["precisions"][name] for name, w in columns["weights"].items()}
    pull = others["intercept"] * others["intercept_precision"]
    return Numbers(numbers.count, {**columns, "pulls": pulls}, {**others, "intercept_pull": pull})


def steady(mixed: Numbers, changes: Sequence[Numbers]) -> Numbers:
    """Learners of constant steps (PA, SVM, SGD): the sum of the changes over the root of how
    many partitions learned something; a mean would be as much slower, a sum is noisy."""
    counted = [change for change in changes if change.count]
    if not counted:
        return mixed
    return mixed + added(counted).scaled(1.0 / math.sqrt(len(counted)))
