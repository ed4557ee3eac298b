"""The versions of a shared model, as those who score know them."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from learners.model import Model


class Versions:
    """The newest version of the one model, for all scorers of a worker.

    A version is named by the rows that it has learned. Scorers ask for it between two batches;
    whoever brings it may do so on any thread.

    Args:
        model: One that has learned nothing, to begin with.
        load: Reads a snapshot; None where no version ever comes.
        clock: Seconds, monotonic.

    Attributes:
        model: The newest version; scorers do not change it.
        taken: How many versions were taken so far.
    """

    def __init__(
        self,
        model: Model,
        load: Callable[[bytes], Model] | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.model = model
        self.taken = 0
        self._load = load
        self._clock = clock
        self._heard = clock()

    def take(self, snapshot: bytes) -> None:
        """Score with this version from now on.

        Raises:
            LearnerError: when it is not a model of this pipeline.
        """
        assert self._load is not None
        self.model = self._load(snapshot)
        self.taken += 1
        self.hear()

    def hear(self) -> None:
        """The learner was heard of: what is here is its newest version."""
        self._heard = self._clock()

    @property
    def age(self) -> float:
        """Seconds since the learner was heard of."""
        return self._clock() - self._heard
