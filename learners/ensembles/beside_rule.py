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
from learners.engine.kernels import Floats, Ints, helper, kernel, often, sigmoid
from learners.engine.rows import Rows
from learners.errors import RuleError, WrongValue
from learners.labels import check_label
from learners.parameters import number

LARGEST = 30.0
"""Log-odds beyond it count as it: there `sigmoid` is exactly 0 and 1."""
LEAST = 1e-6
"""The least probability that a label is charged by: no single one decides for ever."""

Batch = Rows | Sequence[Features]


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
    (0.75, 0.97)

    References
    ----------
    Vovk: A game of prediction with expert advice. JCSS 56 (1998), for logarithmic loss.
    Genest, Zidek: Combining probability distributions. Statistical Science 1 (1986), section 3:
    the logarithmic pool, by which contributions of features stay a sum.
    """

    def __init__(self, learner: Estimator, feature: str, half_life: float = 20_000.0) -> None:
        self.learner = learner
        self.feature = _name(feature)
        self.half_life = number("half_life", half_life, above=0.0)
        self.lead = np.zeros(1)
        """How far the learner is ahead: the log of what its weight is times the rule's."""

    def run(
        self, rows: Batch, labels: Sequence[Any], explain: bool = False, times: Times = None
    ) -> Scored:
        """Row after row: predict, then learn unless the label is UNLABELLED."""
        if self.batched and not isinstance(rows, Rows):
            rows = Rows.from_dicts(rows)
        rest, rule = self._divided(rows)
        found = self._learner_alone(rest, labels, explain, times)
        scores = np.array([math.nan if s is None else s for s in found.scores], np.float64)
        targets = np.array([math.nan if y is UNLABELLED else float(y) for y in labels])
        targets[list(found.failures)] = math.nan
        counts = ONCE if times is None else np.array(times, np.int64)
        mixed, shares = np.empty(len(labels)), np.empty(len(labels))
        _mix(scores, rule, targets, counts, 0.5 ** (1.0 / self.half_life), self.lead, mixed, shares)
        return Scored(
            [None if p != p else p > 0.5 for p in mixed.tolist()],
            [None if p != p else p for p in mixed.tolist()],
            found.failures,
            found.contributions and self._with_rule(found.contributions, rule, shares),
        )

    def _learner_alone(
        self, rows: Batch, labels: Sequence[Any], explain: bool, times: Times
    ) -> Scored:
        if explain:
            return cast(Explaining, self.learner).run(rows, labels, explain=True, times=times)
        return self.learner.run(rows, labels, times=times)

    def _divided(self, rows: Batch) -> tuple[Batch, Floats]:
        """What the learner sees, and the rule of each row, NaN where it has none."""
        if isinstance(rows, Rows):
            if self.feature not in rows.names:
                return rows, np.full(len(rows), math.nan)
            at = rows.names.index(self.feature)
            names = (*rows.names[:at], *rows.names[at + 1 :])
            return Rows(names, np.delete(rows.matrix, at, axis=1)), rows.matrix[:, at].copy()
        rest = [{name: x[name] for name in x if name != self.feature} for x in rows]
        said = [x.get(self.feature) for x in rows]
        numbers = [float(p) if isinstance(p, (int, float)) else math.nan for p in said]
        return rest, np.array(numbers, np.float64)

    def _with_rule(
        self, made: Sequence[Contributions], rule: Floats, shares: Floats
    ) -> list[Contributions]:
        """Contributions to the log-odds of the mixture."""
        found = []
        for each, p, share in zip(made, rule.tolist(), shares.tolist(), strict=True):
            names, values, intercept = each
            if p == p:
                added = (1.0 - share) * log_odds(p)
                names = (*names, self.feature)
                values = np.append(values * share, added)
            found.append(Contributions(names, values, intercept * share))
        return found

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
        _mix(nothing, nothing, nothing, ONCE, 0.5, self.lead, nothing, nothing)

    def state(self) -> dict[str, Any]:
        """The learner's, and how far it is ahead."""
        return {"learner": self.learner.state(), "lead": self.lead}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave, the learner apart."""
        self.lead = np.array(state["lead"], np.float64)


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
def _mix(
    model: Floats, rule: Floats, targets: Floats, times: Ints, kept: float, lead: Floats,
    mixed: Floats, shares: Floats,
) -> None:  # fmt: skip
    for i in range(targets.shape[0]):
        shares[i], mixed[i] = 1.0, model[i]
        if model[i] != model[i] or rule[i] != rule[i]:
            continue
        share = sigmoid(lead[0])
        shares[i] = share
        mixed[i] = sigmoid(share * log_odds(model[i]) + (1.0 - share) * log_odds(rule[i]))
        for _ in range(often(targets[i], times, i)):
            ahead = _charged(model[i], targets[i]) - _charged(rule[i], targets[i])
            lead[0] = kept * lead[0] + ahead
