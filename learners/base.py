"""The contract of an estimator, and the words that it is spoken in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, Protocol

from learners.engine.rows import Matrix, Rows

Task = Literal["binary", "multiclass", "regression", "clustering", "anomaly"]

UNSUPERVISED: tuple[Task, ...] = ("clustering", "anomaly")
"""Tasks that learn from every event: a label is neither needed nor used."""

Features = Mapping[str, Any]
Times = Sequence[int] | None
"""How often each row with a label is learned, at least once; None: once. Steps and scalers
before a learner see it once, whatever it counts for."""


class Unlabelled:
    """The type of UNLABELLED."""

    def __repr__(self) -> str:
        return "UNLABELLED"


UNLABELLED: Final = Unlabelled()


class Contributions(NamedTuple):
    """What made the margin of one row: its features' contributions and the intercept add up to it.

    The margin of a classifier is the log-odds of its score, that of a regressor the score.

    Attributes
    ----------
    names
        Features; those that are not named added nothing.
    values
        Weight x value of each, both as they were when the row was predicted: before it was
        learned, after steps and scaling.
    intercept
        Of the same moment.
    """

    names: tuple[str, ...]
    values: Matrix
    intercept: float


@dataclass(slots=True)
class Scored:
    """What a batch gave, in the order of its rows.

    Attributes
    ----------
    predictions
        `predict_one` of each row; None where it failed or the learner knows nothing yet.
    scores
        A number that ranks, or None.
    failures
        Row -> what `predict_one` raised. These rows were not learned.
    contributions
        Of each row; None unless they were asked for.
    """

    predictions: list[Any]
    scores: list[float | None]
    failures: dict[int, Exception] = field(default_factory=dict)
    contributions: list[Contributions] | None = None

    def extend(self, later: Scored) -> None:
        """Put the rows of `later` behind these."""
        n = len(self.predictions)
        self.predictions += later.predictions
        self.scores += later.scores
        self.failures |= {n + i: error for i, error in later.failures.items()}
        if later.contributions is not None:
            self.contributions = (self.contributions or []) + later.contributions


class Estimator(Protocol):
    """What a Model drives: one of ours, or one of River's behind an adapter."""

    @property
    def task(self) -> Task: ...

    @property
    def batched(self) -> bool:
        """True: `run` wants Rows. False: a list of dicts."""

    def predict_one(self, x: Features) -> Any: ...

    def learn_one(self, x: Features, y: Any) -> None: ...

    def score(self, x: Features) -> float | None: ...

    def run(
        self, rows: Rows | Sequence[Features], labels: Sequence[Any], *, times: Times = None
    ) -> Scored:
        """Row after row: predict, then learn unless the label is UNLABELLED."""

    def warm_up(self, n_features: int) -> None:
        """Compile or load whatever the first event would have to wait for."""

    def state(self) -> Any:
        """Everything that learning changes, for the fingerprint."""


class Explaining(Estimator, Protocol):
    """An estimator whose attribute `explains` is True: a linear one."""

    def run(
        self,
        rows: Rows | Sequence[Features],
        labels: Sequence[Any],
        explain: bool = False,
        times: Times = None,
    ) -> Scored:
        """As of any estimator; with the contributions if `explain`."""


class Around:
    """What stands around a learner of any kind, and is of the same kind.

    Attributes
    ----------
    learner
        The one within.
    """

    learner: Estimator

    @property
    def task(self) -> Task:
        """The learner's."""
        return self.learner.task

    @property
    def batched(self) -> bool:
        """Whether `run` wants Rows."""
        return self.learner.batched

    @property
    def explains(self) -> bool:
        """Whether the learner does."""
        return getattr(self.learner, "explains", False)
