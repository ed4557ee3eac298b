"""A learner whose loss is watched, and what happens when it drifts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from learners.base import UNLABELLED, Around, Estimator, Explaining, Features, Scored, Times
from learners.drift.background import BackgroundLearner
from learners.drift.losses import losses
from learners.drift.parts import copied, cut, innermost, learned_of, rates
from learners.drift.settings import DriftSettings, read
from learners.engine.kernels import Floats
from learners.engine.rows import Rows, RowsOrDicts
from learners.errors import DriftError, LearnFailed


@dataclass(frozen=True)
class LearnerFactory:
    """Makes learners: `new` ones, or by `revive` the one that a `state()` was of."""

    new: Callable[[], Estimator]
    revive: Callable[[Any], Estimator]


class Watched(Around):
    """An estimator around a learner, with a detector over the loss of each learned event.

    A batch is run whole. If something happens in its middle, the learner goes back to where
    it was before the batch and learns again up to and with that event; then comes the
    reaction, then the rest. So each event meets the same learner as it would alone.

    Attributes
    ----------
    learner
        The one that predicts.
    learned
        Events learned, by whichever learner.
    drifts, last_drift
        How many there were, and how many events were learned at the last; 0 if there was none.

    Examples
    --------
    Websites, and the same again with the labels turned around:

    >>> from river import datasets, metrics
    >>> from learners import create
    >>> events = list(datasets.Phishing()) + [(x, not y) for x, y in datasets.Phishing()]
    >>> for reaction in ("alarm", "reset", "swap"):
    ...     drift = {"detector": "adwin", "reaction": reaction}
    ...     model = create("passive_aggressive", {"C": 0.001}, True, drift)
    ...     accuracy = metrics.Accuracy()
    ...     for i, (x, y) in enumerate(events):
    ...         if i >= 1250:
    ...             accuracy.update(y, model.predict_one(x))
    ...         model.learn_one(x, y)
    ...     print(reaction, model.last_drift, accuracy)
    alarm 1280 Accuracy: 44.48%
    reset 1280 Accuracy: 86.88%
    swap 1280 Accuracy: 86.88%
    """

    def __init__(
        self, learner: Estimator, factory: LearnerFactory, settings: DriftSettings
    ) -> None:
        self.learner = learner
        self.learned = self.drifts = self.last_drift = 0
        self._factory = factory
        self._settings = settings
        self._alarm = settings.alarm()
        self._warner = settings.warner() if settings.reaction == "swap" else None
        self._background: BackgroundLearner | None = None
        self._rates = rates(learner)
        self._raised = 0
        if settings.reaction == "raise" and not self._rates:
            raise DriftError("reaction", "the learner has no learning rate that could be raised")

    def predict_one(self, x: Features) -> Any:
        """The learner's prediction."""
        return self.learner.predict_one(x)

    def score(self, x: Features) -> float | None:
        """The learner's score."""
        return self.learner.score(x)

    def learn_one(self, x: Features, y: Any) -> None:
        """Predict, note the loss, learn, react."""
        try:
            scored = self.run([x], [y])
        except LearnFailed as error:
            raise error.cause from None
        if scored.failures:
            raise scored.failures[0]

    def warm_up(self, n_features: int) -> None:
        """Run all kernels once over nothing."""
        nothing = np.empty(0)
        self.learner.warm_up(n_features)
        self._alarm.find(nothing)
        if self._warner is not None:
            BackgroundLearner(self.learner).compare(nothing, nothing, 0)

    def run(
        self, rows: RowsOrDicts, labels: Sequence[Any], explain: bool = False, times: Times = None
    ) -> Scored:
        """Row after row: predict, then learn unless the label is UNLABELLED."""
        if self.batched and not isinstance(rows, Rows):
            rows = Rows.from_dicts(rows)
        n = len(labels)
        stride = n if self.batched else 1
        whole, at = Scored([], [], contributions=[] if explain else None), 0
        while at < n:
            end = min(at + stride, self._deadline(labels, at))
            try:
                some = times and times[at:end]
                part = self._advance(cut(rows, at, end), labels[at:end], explain, some)
            except LearnFailed as error:
                raise LearnFailed(at + error.index, error.cause) from error
            whole.extend(part)
            taken = len(part.predictions)
            if self.batched:  # many drifts in one batch: do not run its rest for each of them
                stride = 2 * (taken if taken == end - at else max(taken, 64))
            at += taken
        return whole

    def _deadline(self, labels: Sequence[Any], at: int) -> int:
        """The row up to which nothing ends: no raised rate, no comparison."""
        left = self._raised or (
            self._background.left(self._settings.window) if self._background else 0
        )
        if left:
            for i in range(at, len(labels)):
                left -= labels[i] is not UNLABELLED
                if left == 0:
                    return i + 1
        return len(labels)

    def _advance(
        self, rows: RowsOrDicts, labels: Sequence[Any], explain: bool, times: Times
    ) -> Scored:
        """Run rows up to and with the first at which something happens."""
        saved = None
        if len(labels) > 1 and self._settings.reaction != "alarm":
            saved = copied(self.learner.state())
        scored = self._ask(rows, labels, explain, times)
        costs = losses(self._settings.loss, scored, labels)
        if self._settings.reaction == "alarm":
            self._count(costs, labels, scored)
            return scored
        warned = self._warner.rise(costs) if self._warner else -1
        hit = self._alarm.rise(costs if warned < 0 else costs[: warned + 1])
        stop = hit if hit >= 0 else warned
        taken = stop + 1 if stop >= 0 else len(labels)
        rows, labels, costs = cut(rows, 0, taken), labels[:taken], costs[:taken]
        times = times and times[:taken]
        if saved is not None and taken < len(scored.predictions):
            self._rewind(saved)
            scored = self._ask(rows, labels, explain, times)
        learned = learned_of(labels, scored)
        self._run_background(rows, labels, times, costs, learned)
        self.learned += learned
        self._react(learned, hit >= 0, warned >= 0)
        return scored

    def _ask(self, rows: RowsOrDicts, labels: Sequence[Any], explain: bool, times: Times) -> Scored:
        if explain:
            return cast(Explaining, self.learner).run(rows, labels, explain=True, times=times)
        return self.learner.run(rows, labels, times=times)

    def _count(self, costs: Floats, labels: Sequence[Any], scored: Scored) -> None:
        at = self._alarm.rise(costs)
        while at >= 0:
            self.drifts += 1
            failed = sum(1 for i in scored.failures if i <= at and labels[i] is not UNLABELLED)
            before = at + 1 - labels[: at + 1].count(UNLABELLED) - failed
            self.last_drift = self.learned + before
            at = self._alarm.rise(costs, at + 1)
        self.learned += learned_of(labels, scored)

    def _run_background(
        self, rows: RowsOrDicts, labels: Sequence[Any], times: Times, costs: Floats, learned: int
    ) -> None:
        if self._background is None or not learned:
            return
        try:
            scored = self._background.learner.run(rows, labels, times=times)
        except LearnFailed:  # the learner itself learned them: go on without one in the background
            self._background = None
            return
        self._background.compare(costs, losses(self._settings.loss, scored, labels), learned)

    def _react(self, learned: int, alarmed: bool, warned: bool) -> None:
        if self._raised:
            self._raised = max(0, self._raised - learned)
            if not self._raised:
                self._pace(1.0)
        swap = False
        if (
            self._background is not None
            and not alarmed
            and self._background.left(self._settings.window) <= 0
        ):
            verdict = self._background.verdict()
            swap = verdict > 0
            if verdict < 0:
                self._background = None
        if alarmed or swap:
            self._drift()
        elif warned:
            self._background = BackgroundLearner(self._factory.new())

    def _drift(self) -> None:
        settings = self._settings
        self.drifts += 1
        self.last_drift = self.learned
        if settings.reaction == "raise":
            self._raised = settings.events
            self._pace(settings.factor)
            return
        self.learner = self._background.learner if self._background else self._factory.new()
        self._background = None
        self._alarm = settings.alarm()
        if self._warner is not None:
            self._warner = settings.warner()

    def _pace(self, factor: float) -> None:
        for name, rate in self._rates.items():
            setattr(innermost(self.learner), name, rate * factor)

    def _rewind(self, saved: Any) -> None:
        self.learner = self._factory.revive(saved)
        if self._raised:
            self._pace(self._settings.factor)

    def state(self) -> dict[str, Any]:
        """The states of learner, detectors and background learner, and the counts."""
        return {
            "learner": self.learner.state(),
            "rival": self._background and self._background.state(),
            "alarm": self._alarm.state(),
            "warner": self._warner and self._warner.state(),
            "counts": [self.learned, self.drifts, self.last_drift, self._raised],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave, the learner apart."""
        self.learned, self.drifts, self.last_drift, self._raised = state["counts"]
        self._alarm.load(state["alarm"])
        if self._warner is not None:
            self._warner.load(state["warner"])
        if state["rival"] is not None:
            learner = self._factory.revive(state["rival"]["learner"])
            self._background = BackgroundLearner.revive(learner, state["rival"])
        if self._raised:
            self._pace(self._settings.factor)


def watched(learner: Estimator, factory: LearnerFactory, drift: Mapping[str, Any]) -> Watched:
    """`learner`, watched as `drift` says; `factory` makes the others like it. Raises DriftError."""
    settings = read(drift, learner.task)
    behind = getattr(learner, "estimator", learner)
    probabilities = getattr(behind, "has_probabilities", None)
    if settings.loss == "log" and probabilities is not None and not probabilities():
        raise DriftError("loss", "the learner gives no probabilities")
    return Watched(learner, factory, settings)
