"""A learner and a hand rule, mixed by how well each has predicted the labels so far."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from learners.base import (
    UNLABELLED,
    Around,
    Contributions,
    Estimator,
    Explaining,
    Features,
    Scored,
    Times,
)
from learners.engine.compiled import ONCE
from learners.engine.kernels import Floats
from learners.engine.rows import Rows, RowsOrDicts
from learners.ensembles.rule_mixture import Mixed, log_odds, mix
from learners.ensembles.rule_terms import RuleTerms
from learners.errors import RuleError, WrongValue
from learners.labels import check_label
from learners.parameters import number


class BesideRule(Around):
    """An estimator around a learner of two classes, with a rule as a second expert.

    The rule is a feature whose value is a probability: what somebody who knows the field would
    say. The log-odds of the score are a weighted mean of the learner's and the rule's. The
    weights are those of a Bayesian mixture: each expert's is the product of the probabilities
    that it gave to the labels, where older labels count less. So the score is that of the rule
    while the learner knows little, and that of the learner once it is better. The learner itself
    does not see the rule, and learns every event. Where an event has no rule, the learner is
    asked alone.

    Parameters
    ----------
    learner
        For two classes.
    feature
        The rule. Below 0 counts as 0, above 1 as 1.
    bound
        Above 0, at most 0.5. In the score, what the rule says below it counts as it, and what it
        says above ``1 - bound`` as that: a hand rule is hardly ever surer with good reason, and
        the learner ranks the events that it does not tell apart any more.
    terms
        The features that the rule looks at, each with the field that says how much of the rule
        comes from it. Contributions then name them in place of the rule; see `divided`. The
        learner does not see these fields.
    half_life
        Labels after which one counts half for the weights, above 0. It also bounds how far one
        expert can be ahead, and so how long the other needs to overtake it.

    Examples
    --------
    A model that has learned nothing says what the rule says; later it is better by itself:

    >>> from learners import create
    >>> model = create("logistic_regression", {"learning_rate": 0.1}, rule={"feature": "rule"})
    >>> first = round(model.score({"x": 1.0, "rule": 0.9}), 2)
    >>> for n in range(1000):
    ...     x = {"x": n % 2, "rule": 0.9 if n % 3 else 0.1}
    ...     model.learn_one(x, n % 2 == 1)
    >>> first, round(model.score({"x": 1.0, "rule": 0.1}), 2)
    (0.75, 0.96)

    References
    ----------
    Vovk: A game of prediction with expert advice. JCSS 56 (1998), for logarithmic loss.
    Genest, Zidek: Combining probability distributions. Statistical Science 1 (1986), section 3:
    the logarithmic pool, by which contributions of features stay a sum.
    """

    def __init__(
        self,
        learner: Estimator,
        feature: str,
        half_life: float = 20_000.0,
        bound: float = 0.001,
        terms: Mapping[str, str] | None = None,
    ) -> None:
        self.learner = learner
        self.feature = _name(feature)
        self.terms = RuleTerms(self.feature, terms)
        self.half_life = number("half_life", half_life, above=0.0)
        self.bound = number("bound", bound, above=0.0, most=0.5)
        self.lead = np.zeros(1)
        """How far the learner is ahead: the log of what its weight is times the rule's."""
        self.usual = np.array([log_odds(self.bound), 1.0])
        """The sum of the rule's log-odds, and their count; older labels count less in both. It
        begins with the least that the rule can say."""

    def run(
        self, rows: RowsOrDicts, labels: Sequence[Any], explain: bool = False, times: Times = None
    ) -> Scored:
        """Row after row: predict, then learn unless the label is UNLABELLED."""
        if self.batched and not isinstance(rows, Rows):
            rows = Rows.from_dicts(rows)
        rest, own = self._divided(rows)
        found = self._learner_alone(rest, labels, explain, times)
        scores = np.array([math.nan if s is None else s for s in found.scores], np.float64)
        targets = np.array([math.nan if y is UNLABELLED else float(y) for y in labels])
        targets[list(found.failures)] = math.nan
        mixed = self._mixed(scores, own[:, 0].copy(), targets, times)
        return Scored(
            [None if p != p else p > 0.5 for p in mixed.scores.tolist()],
            [None if p != p else p for p in mixed.scores.tolist()],
            found.failures,
            found.contributions and self._with_rule(found.contributions, mixed, own[:, 1:]),
        )

    def _learner_alone(
        self, rows: RowsOrDicts, labels: Sequence[Any], explain: bool, times: Times
    ) -> Scored:
        if explain:
            return cast(Explaining, self.learner).run(rows, labels, explain=True, times=times)
        return self.learner.run(rows, labels, times=times)

    def _mixed(self, scores: Floats, rule: Floats, targets: Floats, times: Times) -> Mixed:
        counts = ONCE if times is None else np.array(times, np.int64)
        made = Mixed(*np.empty((4, len(targets))))
        kept = 0.5 ** (1.0 / self.half_life)
        mix(scores, rule, targets, counts, kept, self.bound, self.lead, self.usual, *made)
        return made

    def _divided(self, rows: RowsOrDicts) -> tuple[RowsOrDicts, Floats]:
        """What the learner sees; and the rule and its terms of each row, NaN where it has none."""
        own = (self.feature, *self.terms.fields)
        if not isinstance(rows, Rows):
            rest = [{name: x[name] for name in x if name not in own} for x in rows]
            numbers = [[_number(x.get(name)) for name in own] for x in rows]
            return rest, np.array(numbers, np.float64).reshape(len(rest), len(own))
        places = {name: at for at, name in enumerate(rows.names) if name in own}
        taken = np.full((len(rows), len(own)), math.nan)
        for j, name in enumerate(own):
            if name in places:
                taken[:, j] = rows.matrix[:, places[name]]
        names = tuple(name for name in rows.names if name not in places)
        return Rows(names, np.delete(rows.matrix, list(places.values()), axis=1)), taken

    def _with_rule(
        self, made: Sequence[Contributions], mixed: Mixed, weights: Floats
    ) -> list[Contributions]:
        """Contributions to the log-odds of the mixture; what the rule usually adds is none."""
        told = self.terms.added_to(made, mixed.shares, mixed.added, weights)
        return [
            Contributions(names, values, intercept + usual)
            for (names, values, intercept), usual in zip(told, mixed.usual.tolist(), strict=True)
        ]

    def predict_one(self, x: Features) -> Any:
        """The prediction for one event; the state stays as it is."""
        return self._one(x).predictions[0]

    def score(self, x: Features) -> float | None:
        """P(True)."""
        return self._one(x).scores[0]

    def _one(self, x: Features) -> Scored:
        scored = self.run([x], [UNLABELLED])
        if scored.failures:
            raise scored.failures[0]
        return scored

    def learn_one(self, x: Features, y: Any) -> None:
        """Learn one event. Raises LabelError."""
        self.run([x], [check_label(self.task, y)])

    def warm_up(self, n_features: int) -> None:
        """Run all kernels once over nothing."""
        self.learner.warm_up(n_features)
        nothing = np.empty(0)
        none = Mixed(nothing, nothing, nothing, nothing)
        mix(nothing, nothing, nothing, ONCE, 0.5, 0.1, self.lead, self.usual, *none)

    def state(self) -> dict[str, Any]:
        """The learner's, how far it is ahead, and what the rule usually says."""
        return {"learner": self.learner.state(), "lead": self.lead, "usual": self.usual}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave, the learner apart."""
        self.lead = np.array(state["lead"], np.float64)
        self.usual = np.array(state["usual"], np.float64)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan


def _name(feature: Any) -> str:
    if not isinstance(feature, str) or not feature:
        raise WrongValue("feature", feature, "must be the name of a feature")
    return feature


def beside_rule(learner: Estimator, rule: Mapping[str, Any]) -> BesideRule:
    """`learner` beside the rule that `[learner.rule]` of a pipeline file describes.

    Raises RuleError, which names the key and what is allowed.
    """
    allowed = list(inspect.signature(BesideRule).parameters)[1:]
    for key in rule:
        if key not in allowed:
            raise RuleError(key, f"unknown key; a rule takes {', '.join(allowed)}", unknown=True)
    if "feature" not in rule:
        raise RuleError("feature", "is missing: the feature whose value is the rule's probability")
    if learner.task != "binary":
        raise RuleError("feature", f"a rule needs a learner of two classes, not {learner.task}")
    try:
        return BesideRule(learner, **rule)
    except WrongValue as error:
        raise RuleError(error.key, error.what) from None
