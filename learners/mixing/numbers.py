"""A learner as numbers that can be subtracted and added."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Numbers:
    """What a learner knows, or what it has learned since a mark.

    Attributes
    ----------
    count
        Labels learned.
    columns
        Quantity -> feature -> value, such as "weights".
    others
        Quantity -> value, such as "intercept".
    """

    count: int
    columns: Mapping[str, Mapping[str, float]]
    others: Mapping[str, float]

    @property
    def names(self) -> list[str]:
        """The features, in the order of their columns."""
        return list(next(iter(self.columns.values())))

    def combined(self, other: Numbers, by: Callable[[float, float], float]) -> Numbers:
        """Each number with that of `other`; a feature that one of both has not is 0 there."""
        columns = {
            key: {
                name: by(mine.get(name, 0.0), other.columns[key].get(name, 0.0))
                for name in dict.fromkeys((*mine, *sorted(other.columns[key])))
            }
            for key, mine in self.columns.items()
        }
        others = {key: by(value, other.others[key]) for key, value in self.others.items()}
        return Numbers(int(by(self.count, other.count)), columns, others)

    def __add__(self, other: Numbers) -> Numbers:
        return self.combined(other, lambda a, b: a + b)

    def __sub__(self, other: Numbers) -> Numbers:
        return self.combined(other, lambda a, b: a - b)

    def scaled(self, factor: float) -> Numbers:
        """Every number but the count, times `factor`."""
        columns = {
            key: {name: factor * value for name, value in values.items()}
            for key, values in self.columns.items()
        }
        return Numbers(self.count, columns, {k: factor * v for k, v in self.others.items()})

    def as_data(self) -> list[Any]:
        """What is published: the features once, then a list for each quantity."""
        names = list(dict.fromkeys(name for values in self.columns.values() for name in values))
        values = {k: [v.get(name, 0.0) for name in names] for k, v in self.columns.items()}
        return [self.count, names, values, dict(self.others)]


def added(parts: Iterable[Numbers]) -> Numbers:
    """The sum, in this order. Raises ValueError for none."""
    total: Numbers | None = None
    for part in parts:
        total = part if total is None else total + part
    if total is None:
        raise ValueError("no numbers to add")
    return total


def of_state(
    state: Mapping[str, Any], count: int, columns: Sequence[str], others: Sequence[str]
) -> Numbers:
    """The numbers of those names in the `state()` of one of our learners."""
    names = list(state["features"])
    return Numbers(
        count,
        {key: dict(zip(names, map(float, state[key]), strict=True)) for key in columns},
        {key: float(state[key][0]) for key in others},
    )
