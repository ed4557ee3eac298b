"""The versions of a shared model, as those who score know them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from time import monotonic

from learners.model import Model

Load = Callable[[bytes, int], Model]
"""Makes the model of a snapshot of the learner of this number."""
Join = Callable[[Sequence[Model]], Model]
"""Makes one model of those of several learners."""


class Versions:
    """The newest version of the one model, for all scorers of a worker.

    A version is named by the rows that it has learned. Scorers ask for it between two batches;
    whoever brings it may do so on any thread. Of several learners each has its versions, and the
    model is joined of the newest of each.

    Args:
        begin: A model that has learned nothing, of each learner.
        load: Reads a snapshot; None where no version ever comes.
        clock: Seconds, monotonic.
        join: Joins the models of several learners; None where there is one.

    Attributes:
        taken: How many versions of each learner were taken so far.
    """

    def __init__(
        self,
        begin: Sequence[Model],
        load: Load | None = None,
        clock: Callable[[], float] = monotonic,
        join: Join | None = None,
    ) -> None:
        self._newest = list(begin)
        self.taken = [0] * len(self._newest)
        self._load = load
        self._clock = clock
        self._join = join
        self._joined: Model | None = None
        self._heard = [clock()] * len(self._newest)
        self._lock = Lock()

    @property
    def model(self) -> Model:
        """The newest version; scorers do not change it."""
        if self._join is None:
            return self._newest[0]
        with self._lock:
            if self._joined is None:
                self._joined = self._join(self._newest)
            return self._joined

    @property
    def learned(self) -> list[int]:
        """The rows that the newest version of each learner has learned."""
        return [model.learned for model in self._newest]

    def take(self, snapshot: bytes, learner: int = 0) -> None:
        """Score with this version from now on.

        Raises:
            LearnerError: when it is not a model of this pipeline.
        """
        assert self._load is not None
        model = self._load(snapshot, learner)
        with self._lock:
            self._newest[learner] = model
            self._joined = None
        self.taken[learner] += 1
        self.hear(learner)

    def hear(self, learner: int = 0) -> None:
        """The learner was heard of: what is here is its newest version."""
        self._heard[learner] = self._clock()

    @property
    def ages(self) -> list[float]:
        """Seconds since each learner was heard of."""
        now = self._clock()
        return [now - heard for heard in self._heard]

    @property
    def age(self) -> float:
        """Seconds since the learner was heard of that was not for the longest time."""
        return max(self.ages)
