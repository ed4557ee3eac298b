"""A linear learner as numbers, and the formula that they are mixed by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from learners.engine.kernels import TINY
from learners.linear.base import Linear
from learners.mixing import linear
from learners.mixing.family import CannotMix, Family
from learners.mixing.numbers import Numbers, of_state

_START = {"precisions": 1.0, "intercept_precision": 1.0}
"""What is not 0 before anything was learned."""


class MixedLearner:
    """Takes a linear learner apart, mixes, and puts it together again.

    Parameters
    ----------
    family
        The formula.
    learner
        A new one: it says how its rates fall, and how its state begins.
    """

    def __init__(self, family: Family, learner: Linear) -> None:
        if family == "centres":
            raise CannotMix(("type",), "k_means", "clusters learn without labels")
        self._family = family
        self._ftrl = getattr(learner, "optimizer", None) == "ftrl"
        of = vars(learner)
        self._l1, self._l2 = of.get("l1", 0.0), of.get("l2", 0.0)
        self._rate = of.get("learning_rate", 0.0)
        self._beta = of["beta"] if self._ftrl else 0.0
        self._per_column, self._others = dict(learner.per_column), dict(learner.others)

    def numbers(self, state: Mapping[str, Any], count: int) -> Numbers:
        """What the `state()` of a learner says."""
        if self._family == "precisions":
            return _confident(state, count)
        columns = ["weights"]
        if self._family == "trace_gain":
            columns += ["squares", "sums"] if self._l1 else ["squares"]
        return of_state(state, count, columns, ["intercept"])

    def state(self, numbers: Numbers) -> dict[str, Any]:
        """What a learner takes over by its `load`."""
        columns, others = dict(numbers.columns), dict(numbers.others)
        if self._ftrl:
            columns["sums"] = self._sums(numbers)
        if self._family == "precisions":
            columns["variances"] = {n: 1.0 / p for n, p in columns["precisions"].items()}
            others["intercept_variance"] = 1.0 / others["intercept_precision"]
        names = numbers.names
        state: dict[str, Any] = {"features": names}
        for key, start in self._per_column.items():
            values = columns.get(key, {})
            state[key] = [values.get(name, start) for name in names]
        state |= {key: [others.get(key, start)] for key, start in self._others.items()}
        return state

    def change(self, base: Numbers, now: Numbers) -> Numbers:
        """What was learned since `base`."""
        return now - _known(base, now)

    def mixed(self, old: Numbers, changes: Sequence[Numbers]) -> tuple[Numbers, float | None]:
        """The model of all partitions; and the gain, where the formula has one."""
        for change in changes:
            old = _known(old, change)
        if self._family == "trace_gain":
            return linear.trace_gain(old, changes, self._rate, self._beta)
        if self._family == "precisions":
            return linear.precisions(old, changes), None
        return linear.steady(old, changes), None

    def plus(self, old: Numbers, change: Numbers) -> Numbers:
        """The model of all partitions, with all that one of them has learned since."""
        total = _known(old, change) + change
        return linear.pulled(total) if self._family == "precisions" else total

    def _sums(self, numbers: Numbers) -> dict[str, float]:
        return linear.ftrl_sums(numbers, self._rate, self._beta, self._l1, self._l2)


def _known(numbers: Numbers, of: Numbers) -> Numbers:
    """With the features of another one too, as they are before anything was learned."""
    new = [name for name in sorted(of.names) if name not in next(iter(numbers.columns.values()))]
    if not new:
        return numbers
    columns = {
        key: {**values, **dict.fromkeys(new, _START.get(key, 0.0))}
        for key, values in numbers.columns.items()
    }
    return Numbers(numbers.count, columns, numbers.others)


def _confident(state: Mapping[str, Any], count: int) -> Numbers:
    """AROW and SCW; a variance may have come down to 0."""
    plain = of_state(state, count, ["weights", "variances"], ["intercept", "intercept_variance"])
    weights, variances = plain.columns["weights"], plain.columns["variances"]
    precisions = {name: 1.0 / max(value, TINY) for name, value in variances.items()}
    intercept = plain.others["intercept"]
    precision = 1.0 / max(plain.others["intercept_variance"], TINY)
    return Numbers(
        count,
        {
            "weights": weights,
            "precisions": precisions,
            "pulls": {name: weights[name] * precisions[name] for name in precisions},
        },
        {
            "intercept": intercept,
            "intercept_precision": precision,
            "intercept_pull": intercept * precision,
        },
    )
