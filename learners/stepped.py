"""A learner with steps before it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from learners.base import UNLABELLED, Estimator, Features, Scored, Task, Times
from learners.engine.compiled import Compiled
from learners.engine.kernels import Floats
from learners.engine.rows import Rows
from learners.errors import LearnFailed
from learners.labels import check_label
from learners.multiclass.base import Classes
from learners.steps.chain import Chain, parts


class Stepped:
    """Steps before one of our own learners: whole batches go through all of them.

    Each step and the learner have columns of their own, so that a step may rename, make and
    drop features. Wants Rows, or dicts where a step takes texts.
    """

    def __init__(self, chain: Chain, learner: Compiled) -> None:
        self.chain = chain
        self.learner = learner
        self.batched = not chain.texts

    @property
    def task(self) -> Task:
        """The learner's."""
        return self.learner.task

    @property
    def explains(self) -> bool:
        """Whether the learner does."""
        return self.learner.explains

    def run(
        self,
        rows: Rows | Sequence[Features],
        labels: Sequence[Any],
        explain: bool = False,
        times: Times = None,
    ) -> Scored:
        """Predict and then learn each row; a row that is UNLABELLED is only predicted.

        Contributions are those of the features before the steps, where a step can name them.
        """
        if self.batched:
            rows = rows if isinstance(rows, Rows) else Rows.from_dicts(rows)
            return self._run(rows, self.learner.targets(labels), explain, times)
        dicts = rows.to_dicts() if isinstance(rows, Rows) else rows
        scored = Scored([], [], contributions=[] if explain else None)
        for part in parts(dicts):
            targets = self.learner.targets(labels[part])
            scored.extend(self._run(dicts[part], targets, explain, times and times[part]))
        return scored

    def _run(
        self, rows: Rows | Sequence[Features], targets: Floats, explain: bool, times: Times
    ) -> Scored:
        stage = self.chain.advance(rows, targets)
        named = self.chain.origin if explain else None
        before, after = stage.predict_with, stage.learn_from
        return self.learner.run_both(stage.names, before, after, targets, named, times)

    def learn_one(self, x: Features, y: Any = None) -> None:
        """Learn one event. Raises LabelError."""
        self.run([x], [check_label(self.task, y)])

    def predict_one(self, x: Features) -> Any:
        """The prediction for one event; the state stays as it is."""
        return self.run([x], [UNLABELLED]).predictions[0]

    def score(self, x: Features) -> float | None:
        """The number that ranks one event."""
        return self.run([x], [UNLABELLED]).scores[0]

    def warm_up(self, n_features: int) -> None:
        """Run all kernels once over nothing."""
        self.learner.warm_up(self.chain.warm_up(n_features))

    def state(self) -> dict[str, Any]:
        """The states of all."""
        return {"steps": self.chain.state(), "learner": self.learner.state()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave, the learner apart."""
        self.chain.load(state["steps"])


class SteppedEvents:
    """Steps before an estimator that goes event after event, such as River's."""

    batched = False

    def __init__(self, chain: Chain, learner: Estimator) -> None:
        self.chain = chain
        self.learner = learner
        self.classes = Classes()

    @property
    def task(self) -> Task:
        """The learner's."""
        return self.learner.task

    def predict_one(self, x: Features) -> Any:
        """The prediction for one event; the state stays as it is."""
        return self.learner.predict_one(self._before(x))

    def score(self, x: Features) -> float | None:
        """The number that ranks one event."""
        return self.learner.score(self._before(x))

    def learn_one(self, x: Features, y: Any = None) -> None:
        """Learn one event: the steps, then the learner."""
        self._learn(x, y, 1)

    def _learn(self, x: Features, y: Any, times: int) -> None:
        stage = self.chain.advance([x], np.array([self._target(y)]))
        made = Rows(stage.names, stage.learn_from).to_dicts()[0]
        for _ in range(times):
            self.learner.learn_one(made, y)

    def run(
        self, rows: Rows | Sequence[Features], labels: Sequence[Any], *, times: Times = None
    ) -> Scored:
        """Predict and then learn each row. Raises LearnFailed."""
        dicts = rows.to_dicts() if isinstance(rows, Rows) else rows
        scored = Scored([None] * len(labels), [None] * len(labels))
        for i, (x, y) in enumerate(zip(dicts, labels, strict=True)):
            one = self.learner.run([self._before(x)], [UNLABELLED])
            scored.predictions[i], scored.scores[i] = one.predictions[0], one.scores[0]
            if one.failures:
                scored.failures[i] = one.failures[0]
            elif y is not UNLABELLED:
                try:
                    self._learn(x, y, times[i] if times else 1)
                except Exception as error:
                    raise LearnFailed(i, error) from error
        return scored

    def _before(self, x: Features) -> dict[str, float]:
        stage = self.chain.advance([x], np.array([math.nan]))
        return Rows(stage.names, stage.predict_with).to_dicts()[0]

    def _target(self, y: Any) -> float:
        if self.task == "multiclass":
            return float(self.classes.targets([y])[0])
        return 0.0 if y is None else float(y)

    def warm_up(self, n_features: int) -> None:
        """Run all kernels once over nothing."""
        self.learner.warm_up(self.chain.warm_up(n_features))

    def state(self) -> dict[str, Any]:
        """The states of all."""
        return {
            "steps": self.chain.state(),
            "classes": self.classes.names,
            "learner": self.learner.state(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave, the learner apart."""
        self.chain.load(state["steps"])
        self.classes = Classes(state["classes"])
