"""The weights of a learner, for people to read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from learners.clusters.centres import Centres
from learners.linear.base import Linear
from learners.model import Model
from learners.multiclass.one_vs_rest import OneVsRest
from learners.multiclass.passive_aggressive_multiclass import PassiveAggressiveMulticlass
from learners.scaler import Scaled, Scaler

Spread = Callable[[str], "tuple[float, float] | None"]
"""Mean and standard deviation of a feature, where they are known."""


@dataclass(frozen=True)
class Weight:
    """One feature.

    Attributes
    ----------
    feature
        Its name.
    value
        Its weight, or the centre's coordinate; of the scaled feature where there is a scaler.
    mean, std
        Of the feature, as its scaler has them; None without one.
    """

    feature: str
    value: float
    mean: float | None = None
    std: float | None = None


@dataclass(frozen=True)
class Weights:
    """One set of weights: a learner has one, or one a class, or one a centre.

    Attributes
    ----------
    of
        "weights", "class grass" or "centre 0".
    rows
        By descending absolute value.
    intercept
        None for a centre.
    mass
        How many events a centre stands for, those forgotten left out; None otherwise.
    """

    of: str
    rows: list[Weight]
    intercept: float | None = None
    mass: float | None = None


def weights(model: Model) -> list[Weights]:
    """The weights of ours, and of River's linear models, one-vs-rest and k-means.

    Empty for learners that have none to read, such as trees.

    >>> from learners import create
    >>> model = create("passive_aggressive")
    >>> model.learn_one({"a": 1.0, "b": -2.0}, True)
    >>> for each in weights(model):
    ...     print(each.of, each.intercept, [(w.feature, w.value) for w in each.rows])
    weights 0.2 [('b', -0.4), ('a', 0.2)]
    """
    learner: Any = model.estimator
    spread: Spread = _unknown
    while hasattr(inner := getattr(learner, "learner", None), "run"):
        if (scaler := _scaler_of(learner)) is not None:
            spread = _ours_spread(scaler)
        learner = inner
    if hasattr(learner, "wrapped"):
        learner, spread = learner.final, _rivers_spread(learner.wrapped)
    return [
        replace(each, rows=_ordered(each.rows, spread))
        for each in _ours(learner) or _rivers(learner)
    ]


def _unknown(_: str) -> None:
    return None


def _ordered(rows: Iterable[Weight], spread: Spread) -> list[Weight]:
    """Sorted, with mean and deviation."""
    ordered = sorted(rows, key=lambda row: -abs(row.value))
    return [
        row if (known := spread(row.feature)) is None else replace(row, mean=known[0], std=known[1])
        for row in ordered
    ]


def _named(names: Iterable[str], values: Iterable[float]) -> list[Weight]:
    """Pairs; what is NaN was never seen and is left out."""
    pairs = zip(names, values, strict=False)
    return [Weight(name, float(value)) for name, value in pairs if not math.isnan(value)]


# Ours


def _scaler_of(around: Any) -> Scaler | None:
    """The scaler right before a learner: around it, or the last of its steps."""
    steps = getattr(getattr(around, "chain", None), "matrices", ())
    last = around if isinstance(around, Scaled) else steps[-1] if steps else None
    return getattr(last, "scaler", None)


def _ours_spread(scaler: Scaler) -> Spread:
    def spread(feature: str) -> tuple[float, float]:
        column = scaler.columns.index[feature]
        return float(scaler.means[column]), math.sqrt(scaler.variances[column])

    return spread


def _ours(learner: Any) -> list[Weights]:
    if isinstance(learner, Linear):
        return [_linear(learner, "weights")]
    if isinstance(learner, OneVsRest):
        names = learner.classes.names
        numbers = learner.own(len(names))
        members = zip([names[k] for k in numbers], learner.members, strict=True)
        return [_linear(member, f"class {name}") for name, member in members]
    if isinstance(learner, PassiveAggressiveMulticlass):
        classes = zip(learner.classes.names, learner.weights, learner.intercepts, strict=True)
        return [
            Weights(f"class {name}", _named(learner.columns.names, row), float(intercept))
            for name, row, intercept in classes
        ]
    if isinstance(learner, Centres) and learner.progress[1] > 0.0:
        masses = zip(learner.centres, learner.masses, strict=True)
        return [
            Weights(f"centre {k}", _named(learner.columns.names, centre), mass=float(mass))
            for k, (centre, mass) in enumerate(masses)
        ]
    return []


def _linear(learner: Any, of: str) -> Weights:
    """Pegasos keeps its weights as a product with one number."""
    shrink = float(getattr(learner, "shrink", (1.0,))[0])
    values = (shrink * value for value in learner.weights)
    return Weights(of, _named(learner.columns.names, values), float(learner.intercept[0]))


# River's


def _rivers_spread(wrapped: Any) -> Spread:
    steps = getattr(wrapped, "steps", {})
    for step in steps.values():
        means, variances = getattr(step, "means", None), getattr(step, "vars", None)
        if isinstance(means, Mapping) and isinstance(variances, Mapping):
            return lambda feature: (
                float(means.get(feature, 0.0)),
                math.sqrt(variances.get(feature, 0.0)),
            )
    return _unknown


def _rivers(learner: Any) -> list[Weights]:
    if isinstance(members := getattr(learner, "classifiers", None), Mapping):
        return [
            replace(each, of=f"class {name}")
            for name, member in members.items()
            for each in _rivers(member)
        ]
    if isinstance(centres := getattr(learner, "centers", None), Mapping):
        return [
            Weights(f"centre {k}", _named(centre, centre.values()))
            for k, centre in sorted(centres.items())
        ]
    values = getattr(learner, "weights", getattr(learner, "w", None))  # ALMA has the short name
    if not isinstance(values, Mapping):
        return []
    if any(isinstance(value, Mapping) for value in values.values()):
        return [Weights(f"class {c}", _named(row, row.values())) for c, row in values.items()]
    if not all(isinstance(value, (int, float)) for value in values.values()):
        return []
    return [Weights("weights", _named(values, values.values()), _number(learner))]


def _number(learner: Any) -> float | None:
    intercept = getattr(learner, "intercept", None)
    return float(intercept) if isinstance(intercept, (int, float)) else None
