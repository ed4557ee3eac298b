"""What a worker does for a model that all partitions have."""

from __future__ import annotations

from collections.abc import Callable

from app.worker.assignment import Assignment
from topics.records import Batch


class OneModel:
    """By itself nothing: each partition has its own model."""

    @property
    def failure(self) -> Exception | None:
        """Why nothing is heard of others any more; None while it is."""
        return None

    async def have_newest(self, assignment: Assignment) -> None:
        """Have what others have said until now, before the tasks are made."""

    def begin(self, assignment: Assignment) -> None:
        """The tasks are made; nothing was processed yet."""

    async def reach(self, batch: Batch, show: Callable[[str], None]) -> None:
        """Be where a batch can be processed; ``show`` is called with what is waited for."""

    def follow(self) -> None:
        """Look whether others wait for this worker, while nothing comes here."""

    def heartbeat(self, assignment: Assignment) -> bool:
        """Whether a commit is due, for others to hear of."""
        return False

    def stop(self) -> None:
        """Follow nothing any more, soon."""
