"""A learner as the rest of riverrun sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from learners.base import UNLABELLED, Estimator, Explaining, Features, Scored, Task, Times
from learners.engine.rows import Rows
from learners.errors import CannotExplain, LearnFailed
from learners.labels import check_label
from learners.saved.fingerprint import fingerprint
from learners.spec import LearnerSpec
from learners.steps.registry import takes_text

if TYPE_CHECKING:
    from learners.saved.structure.names import Names


class Model:
    """An estimator, what it was made of, and how much it has learned.

    Attributes
    ----------
    spec
        What it was made of.
    learned
        Events learned so far.
    estimator
        Ours or River's.
    shares
        Of a model that was joined of the shares of several learners: the events that each of
        them has learned; None of any other.
    """

    __slots__ = ("_names", "estimator", "learned", "shares", "spec")

    def __init__(self, spec: LearnerSpec, estimator: Estimator) -> None:
        self.spec = spec
        self.estimator = estimator
        self.learned = 0
        self.shares: tuple[int, ...] | None = None
        self._names: Names | None = None

    @property
    def type(self) -> str:
        """The name of the learner."""
        return self.spec.type

    @property
    def names(self) -> Names:
        """What a snapshot of a learner that is not ours may name beyond River's."""
        if self._names is None:
            self.read_names()
        return cast("Names", self._names)

    def read_names(self, of: Model | None = None) -> None:
        """Read `names` off the estimator, which is new, or take those of another model."""
        from learners.saved.structure.write import names_in  # River takes a second to import

        self._names = of.names if of else names_in(self.estimator.state())

    @property
    def task(self) -> Task:
        """What the labels are."""
        return self.estimator.task

    @property
    def batched(self) -> bool:
        """True: `run` wants Rows. False: a list of dicts."""
        return self.estimator.batched

    @property
    def explains(self) -> bool:
        """Whether `run` gives contributions: linear learners of two classes or numbers do."""
        return getattr(self.estimator, "explains", False)

    def takes_text(self, name: str) -> bool:
        """Whether a step turns the text of the feature `name` into numbers."""
        return bool(self.spec.steps) and takes_text(self.spec.steps, name)

    @property
    def drifts(self) -> int | None:
        """How often the learner has drifted; None where nothing watches it."""
        return getattr(self.estimator, "drifts", None) if self.spec.drift else None

    @property
    def last_drift(self) -> int | None:
        """How many events were learned at the last drift; None if there was none."""
        return getattr(self.estimator, "last_drift", None) if self.drifts else None

    def predict_one(self, x: Features) -> Any:
        """The prediction for one event; the model stays as it is."""
        return self.estimator.predict_one(x)

    def learn_one(self, x: Features, y: Any = None) -> None:
        """Learn one event. Raises LabelError for a label that the task does not take."""
        self.estimator.learn_one(x, self.check_label(y))
        self.learned += 1

    def score(self, x: Features) -> float | None:
        """A number that ranks the event, or None where the model has none.

        binary: P(True). multiclass: P(True) or P(1) if no class but false and true, or 0 and 1,
        was learned, else the probability of the predicted class. regression: the predicted
        value. clustering: the distance to the nearest centre. anomaly: the anomaly score.
        """
        return self.estimator.score(x)

    def check_label(self, y: Any) -> Any:
        """The label as the learner takes it. Raises LabelError, which says what is taken.

        Clustering and anomaly learn without a label: whatever comes becomes None.
        """
        return check_label(self.task, y)

    def run(
        self,
        rows: Rows | Sequence[Features],
        labels: Sequence[Any],
        explain: bool = False,
        times: Times = None,
    ) -> Scored:
        """Row after row: predict, then learn unless the label is UNLABELLED.

        The same, in every bit, as `predict_one` and `learn_one` in a loop. `labels` are as
        `check_label` gave them, one a row. With `explain`, the result has the contributions
        of each row; CannotExplain is raised where the learner has none. With `times`, a row
        is learned that often; it still counts as one event.

        Raises LearnFailed when a row cannot be learned: the model is then half changed, and
        the caller throws it away.
        """
        if explain:
            scored = self._explained(rows, labels, times)
        else:
            scored = self.estimator.run(rows, labels, times=times)
        learned = len(labels) - labels.count(UNLABELLED)
        if scored.failures:
            learned -= sum(1 for i in scored.failures if labels[i] is not UNLABELLED)
        self.learned += learned
        return scored

    def _explained(
        self, rows: Rows | Sequence[Features], labels: Sequence[Any], times: Times
    ) -> Scored:
        if not self.explains:
            raise CannotExplain(f"learner {self.type!r} cannot say what moved its scores")
        return cast(Explaining, self.estimator).run(rows, labels, explain=True, times=times)

    def warm_up(self, n_features: int) -> None:
        """Compile or load whatever the first event would have to wait for."""
        self.estimator.warm_up(n_features)

    def fingerprint(self) -> str:
        """A digest of type, parameters and state; equal for equal models in any process."""
        made_of = self.spec.tables()
        kind, params, scale = made_of["type"], made_of["params"], made_of["scale"]
        parts = [kind, params, scale, self.learned, self.estimator.state()]
        parts += [made_of[key] for key in ("drift", "steps", "rule") if made_of.get(key)]
        if self.spec.share is not None:
            parts.append([self.spec.share, self.spec.learners])
        return fingerprint(parts)


__all__ = ["UNLABELLED", "LearnFailed", "Model", "Rows", "Scored"]
