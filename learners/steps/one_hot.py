"""One-hot encoding with a bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from learners.base import Features
from learners.parameters import whole
from learners.steps.base import TextStep
from learners.steps.texts import field_names, short, written


class OneHot(TextStep):
    """A feature of its own for every value of a category.

    The value `de` of `country` becomes `country=de`, 1 where it is the event's and else 0.
    The first `limit` values of a field that are learned get a feature each; all others
    share `country~other`. A value that was not learned yet gives zeros only, a field that
    is absent gives nothing.

    Parameters
    ----------
    features
        The categories, texts or numbers. Default: every text.
    limit
        Values of each field that get a feature of their own, at least 1.

    Examples
    --------
    >>> from river import datasets
    >>> step = OneHot(features=["diet"], limit=2)
    >>> for x, y in datasets.ChickWeights():
    ...     step.learn_one(x)
    >>> step.transform_one({"time": 2, "diet": 1})
    {'time': 2, 'diet=1': 1.0, 'diet=2': 0.0, 'diet~other': 0.0}
    >>> step.transform_one({"time": 2, "diet": 4})
    {'time': 2, 'diet=1': 0.0, 'diet=2': 0.0, 'diet~other': 1.0}

    References
    ----------
    River: preprocessing.OneHotEncoder, which knows no bound.
    """

    def __init__(self, features: Sequence[str] | None = None, limit: int = 100) -> None:
        super().__init__(field_names(features))
        self.limit = whole("limit", limit, least=1)
        self._zeros: dict[str, dict[str, float]] = {}

    def note(self, x: Features) -> bool:
        """See TextStep."""
        new = False
        for name, value in x.items():
            if self._takes(name, value):
                zeros = self._zeros.setdefault(name, {})
                hot = f"{name}={short(written(value))}"
                if hot not in zeros and len(zeros) <= self.limit:
                    zeros[hot if len(zeros) < self.limit else f"{name}~other"] = 0.0
                    new = True
        return new

    def transform_one(self, x: Features) -> dict[str, Any]:
        """Zeros, and a one for each category."""
        out: dict[str, Any] = {}
        for name, value in x.items():
            if not self._takes(name, value):
                out[name] = value
            elif zeros := self._zeros.get(name):
                out.update(zeros)
                hot = f"{name}={short(written(value))}"
                hot = hot if hot in zeros else f"{name}~other"
                if hot in zeros:
                    out[hot] = 1.0
        return out

    def origin(self, name: str) -> str:
        """The category of which it is a value."""
        fields = self._zeros.items()
        return next((field for field, zeros in fields if name in zeros), name)

    def _takes(self, name: str, value: Any) -> bool:
        return type(value) is str if self.features is None else name in self.features

    def state(self) -> dict[str, Any]:
        """The features that came of each field, in the order in which they came."""
        return {"values": {name: list(zeros) for name, zeros in self._zeros.items()}}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        self._zeros = {name: dict.fromkeys(values, 0.0) for name, values in state["values"].items()}
