"""Online bagging of our linear learners, watched by ADWIN."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from learners.base import Scored, Task
from learners.drift.adwin import ADWIN, TOTAL, WIDTH
from learners.drift.parts import copied
from learners.engine.kernels import Floats, Ints, kernel, often
from learners.ensembles.members import Ensemble
from learners.linear.base import Linear
from learners.parameters import number, whole

BagBatch = tuple[Floats, Floats, Ints, Floats, Ints]
"""What `advance` is given, `times` being of shape (members, rows)."""


class Bagging(Ensemble[Linear]):
    """Members of one kind, each of which learns a row as often as a Poisson draw says.

    The score is the mean of the members' scores. Each member's error is watched by ADWIN, over
    the predictions made before a row is learned. When the error of one has risen, the member
    whose window has the largest mean error begins anew.

    River's ADWINBaggingClassifier and LeveragingBaggingClassifier take the error of a
    prediction made after the row was learned. With equal draws the members are equal to
    River's as long as nothing is replaced.

    Divided among several learners, each of them draws for all members, so that a member's draws
    do not depend on the others; and the one that is replaced is the worst of its learner's.

    Parameters
    ----------
    learner
        One of our linear learners as "type", and its parameters.
    members
        How many, at least 1.
    mean
        Of the Poisson distribution, above 0, at most 100. 1: Oza's online bagging. 6:
        leveraging bagging.
    delta
        ADWIN's chance of a false alarm, above 0 and below 1.
    seed
        Of the draws.

    Examples
    --------
    >>> from river import datasets, metrics
    >>> from learners import create
    >>> learner = {"type": "logistic_regression", "learning_rate": 0.1}
    >>> model = create("bagging", {"learner": learner}, scale=True)
    >>> accuracy = metrics.Accuracy()
    >>> for x, y in datasets.Phishing():
    ...     accuracy.update(y, model.predict_one(x))
    ...     model.learn_one(x, y)
    >>> accuracy
    Accuracy: 88.80%

    References
    ----------
    Oza, Russell: Online Bagging and Boosting. AISTATS 2001, figure 3.
    Bifet, Holmes, Pfahringer: Leveraging Bagging for Evolving Data Streams. ECML PKDD 2010,
    figure 1, without output codes.
    """

    def __init__(
        self,
        learner: Mapping[str, Any],
        members: int = 10,
        mean: float = 1.0,
        delta: float = 0.002,
        seed: int = 0,
    ) -> None:
        super().__init__(learner, Linear, "linear")  # type: ignore[type-abstract]
        self.mean = number("mean", mean, above=0.0, most=100.0)
        self.delta = number("delta", delta, above=0.0, most=0.999)
        count = whole("members", members, least=1)
        self.generator: Floats = np.array([float(whole("seed", seed, least=0) % 2147483646 + 1)])
        self.replaced = 0
        self._count = count
        self.divide(1, None)

    def divide(self, learners: int, share: int | None) -> None:
        """See Ensemble."""
        super().divide(learners, share)
        self.members = [self.new_member() for _ in self.own(self._count)]
        self.detectors = [ADWIN(self.delta) for _ in self.members]

    @property
    def task(self) -> Task:  # type: ignore[override]
        """The members'."""
        return self.members[0].task

    def advance(
        self, predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, times: Ints
    ) -> Scored:
        """See Compiled."""
        drawn = np.zeros((self._count, len(targets)), np.int64)
        draw(targets, times, self.mean, self.generator, drawn)
        drawn = drawn[list(self.own(self._count))]
        out, at = np.empty(len(targets)), 0
        while at < len(targets):
            rest = predict_with[at:], learn_from[at:], columns, targets[at:], drawn[:, at:]
            at += self._until_change(rest, out[at:])
        return self.members[0].answer(out)

    def _until_change(self, batch: BagBatch, out: Floats) -> int:
        """Run the rows up to and with the first at which a member is replaced; how many."""
        saved = copied(self._parts())
        errors = self._ask(batch, out)
        rises = [d.rise(e) for d, e in zip(self.detectors, errors, strict=True)]
        first = min((at for at in rises if at >= 0), default=-1)
        if first < 0:
            return len(out)
        self._take(saved)  # nobody has seen a row after the change
        errors = self._ask(_first(batch, first + 1), out[: first + 1])
        means = []
        for detector, error in zip(self.detectors, errors, strict=True):
            detector.rise(error[:first])
            means.append(_mean(detector))  # a change empties the window
            detector.rise(error[first:])
        for group in dict.fromkeys(self._group(k) for k, at in enumerate(rises) if at == first):
            group_of = [k for k in range(len(means)) if self._group(k) == group]
            self._replace(max(group_of, key=means.__getitem__))
        return first + 1

    def _group(self, k: int) -> int:
        """The learner of a member that is here."""
        return self.own(self._count)[k] % self.learners

    def _ask(self, batch: BagBatch, out: Floats) -> Floats:
        """The error of each member at each row, NaN where it has no label; its scores' mean to
        `out`."""
        predict_with, learn_from, columns, targets, drawn = batch
        scores = np.empty((len(self.members), len(targets)))
        for k, member in enumerate(self.members):
            given = predict_with, learn_from, columns, targets, drawn[k]
            scores[k] = member.advance(*given).scores
        out[:] = 0.0
        for row in scores:  # in their order: numpy's own sum is none
            out += row
        out /= len(scores)
        if self.task == "binary":
            wrong = ((scores > 0.5) != (targets > 0.5)).astype(np.float64)
            return np.where(np.isnan(targets), math.nan, wrong)
        return np.abs(scores - targets)

    def _replace(self, k: int) -> None:
        self.replaced += 1
        self.members[k] = self.new_member()
        self.members[k].grow(len(self.columns))
        self.detectors[k] = ADWIN(self.delta)

    def warm_up(self, n_features: int) -> None:
        """Compile the kernels of a member and of its detector."""
        super().warm_up(n_features)
        ADWIN(self.delta).rise(np.empty(0))

    def state(self) -> dict[str, Any]:
        """The names of features, the generator, members and detectors, and how many were
        replaced."""
        return {
            "features": self.columns.names,
            **self._parts(),
            "generator": self.generator,
            "replaced": self.replaced,
        }

    def _parts(self) -> dict[str, Any]:
        detectors = [detector.state() for detector in self.detectors]
        return {"members": self.member_states(), "detectors": detectors}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        self.columns.replace(state["features"])
        self.generator = np.array(state["generator"], np.float64)
        self.replaced = state["replaced"]
        self._take(state)

    def join(self, shares: Sequence[Self], newest: Self) -> None:
        """See Ensemble."""
        super().join(shares, newest)
        self.generator = newest.generator.copy()
        self.replaced = sum(share.replaced for share in shares)
        for k, detector in enumerate(self.detectors):
            detector.load(shares[k % len(shares)].detectors[k // len(shares)].state())

    def _take(self, parts: Mapping[str, Any]) -> None:
        self.load_members(parts["members"])
        for detector, state in zip(self.detectors, parts["detectors"], strict=True):
            detector.load(state)


def _mean(detector: ADWIN) -> float:
    """The mean of the losses in the window; 0 of none."""
    width = detector.numbers[WIDTH]
    return float(detector.numbers[TOTAL] / width) if width else 0.0


def _first(batch: BagBatch, n: int) -> BagBatch:
    predict_with, learn_from, columns, targets, drawn = batch
    return predict_with[:n], learn_from[:n], columns, targets[:n], drawn[:, :n]


@kernel
def draw(targets: Floats, times: Ints, mean: float, generator: Floats, out: Ints) -> None:
    """How often each member learns each row: a Poisson draw, times how often the row counts.

    `out` has the shape (members, rows) and is 0 before. The generator is the minimal standard
    one (Park and Miller, 1988); a draw is the inverse of the distribution at its number.
    """
    for i in range(targets.shape[0]):
        count = often(targets[i], times, i)
        if count == 0:
            continue
        for k in range(out.shape[0]):
            generator[0] = (int(generator[0]) * 48271) % 2147483647
            left, chance, n = generator[0] / 2147483647.0, math.exp(-mean), 0
            while left > chance and n < 1000:
                left -= chance
                n += 1
                chance *= mean / n
            out[k, i] = n * count
