"""The contract of a drift detector."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from learners.engine.kernels import Floats


class Detector(ABC):
    """Watches a stream of numbers; after a change it starts anew.

    All of its state is arrays, and one kernel works through a whole batch.
    """

    sensitivity: ClassVar[str]
    """The parameter that says how soon it fires."""

    @abstractmethod
    def find(self, losses: Floats, start: int = 0) -> tuple[int, bool]:
        """Take `losses` from row `start` on, up to and with the first change.

        Returns its row, and whether the mean has risen; (len(losses), False) without a change.
        NaN is passed over.
        """

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """All that the losses change: arrays."""

    @abstractmethod
    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""

    def rise(self, losses: Floats, start: int = 0) -> int:
        """The row of the first change for the worse, or -1; no loss after it is taken."""
        at = start
        while at < len(losses):
            at, risen = self.find(losses, at)
            if risen:
                return at
            at += 1
        return -1
