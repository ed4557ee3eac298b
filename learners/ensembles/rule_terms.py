"""What a hand rule adds to a score, told as the features that it is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from learners.base import Contributions
from learners.engine.kernels import Floats
from learners.errors import WrongValue


class RuleTerms:
    """The names under which a rule is told.

    Parameters
    ----------
    rule
        The feature that is the rule.
    terms
        For each feature that the rule looks at, the field that says how much of the rule comes
        from it. Only the proportions of these fields count.
    """

    def __init__(self, rule: str, terms: Any) -> None:
        if terms is not None and not _are_names(terms):
            what = 'must be a table of names, such as {amount = "rule_amount"}'
            raise WrongValue("terms", terms, what)
        self.fields: tuple[str, ...] = tuple((terms or {}).values())
        self.told = (rule, *(terms or {}))

    def added_to(
        self, made: Sequence[Contributions], shares: Floats, added: Floats, weights: Floats
    ) -> Iterator[Contributions]:
        """The learner's contributions, each times its share, and those of the rule.

        Parameters
        ----------
        made
            Of the learner, without the rule.
        shares
            The learner's weight in each row.
        added
            What the rule adds in each row; 0 where there is no rule.
        weights
            Shape (rows, terms): the fields of the terms.
        """
        names: tuple[str, ...] | None = None
        for each, share, row in zip(made, shares.tolist(), divided(added, weights), strict=True):
            if each.names is not names:
                names = each.names
                whole = tuple(dict.fromkeys((*names, *self.told)))
                places = [whole.index(name) for name in self.told]
            values = np.zeros(len(whole))
            values[: len(names)] = each.values * share
            values[places] += row
            yield Contributions(whole, values, each.intercept * share)


def divided(added: Floats, weights: Floats) -> Floats:
    """What the rule itself is told to add, and what each of its terms: each row sums to `added`.

    Where the rule raises the score, its terms share what it adds in the proportion of their
    weights. Where it lowers the score, or no term has a weight above 0, the rule is named itself:
    no term speaks against an event.

    >>> weights = np.array([[3.0, 1.0], [3.0, 1.0], [0.0, np.nan]])
    >>> divided(np.array([2.0, -2.0, 2.0]), weights).tolist()
    [[0.0, 1.5, 0.5], [-2.0, 0.0, 0.0], [2.0, 0.0, 0.0]]
    """
    weights = np.where(weights > 0.0, weights, 0.0)
    most = weights.max(axis=1, initial=0.0)
    by_terms = (added > 0.0) & (most > 0.0)
    parts = weights / np.where(by_terms, most, 1.0)[:, None]
    total = sum(parts.T, start=np.zeros(len(parts)))  # in one order, however many rows
    parts *= np.where(by_terms, added / np.where(by_terms, total, 1.0), 0.0)[:, None]
    return np.column_stack([np.where(by_terms, 0.0, added), parts])


def _are_names(terms: Any) -> bool:
    return isinstance(terms, Mapping) and all(
        isinstance(name, str) and name for pair in terms.items() for name in pair
    )
