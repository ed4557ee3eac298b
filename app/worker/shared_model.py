"""What a worker does for a model that all partitions share."""

from __future__ import annotations

import asyncio

from agents.shared.versions import Versions
from app.kafka.partitions import TP
from app.worker.assignment import Assignment
from app.worker.input.version_reader import VersionReader
from app.worker.one_model import OneModel

HEARTBEATS = 4
"""So often within ``learner.stale_after`` a learner that has nothing to learn is heard of."""


class SharedModel(OneModel):
    """Brings versions to the scorers of this worker, and lets other workers hear of the learner.

    Args:
        reader: Follows the versions on Kafka.
        versions: What the scorers have.
        rows_topic: The input of the learner.
        stale_after: Seconds; see the pipeline file.
    """

    def __init__(
        self, reader: VersionReader, versions: Versions, rows_topic: str, stale_after: float
    ) -> None:
        self._reader = reader
        self._versions = versions
        self._learner = TP(rows_topic, 0)
        self._stale_after = stale_after

    async def have_newest(self, assignment: Assignment) -> None:
        """Have what is to be scored with, before anything is.

        The worker that learns has it in the state of the learner.
        """
        if self._learner in assignment.partitions:
            self._reader.pause()
        else:
            self._reader.follow()
            await asyncio.to_thread(self._reader.wait)

    def heartbeat(self, assignment: Assignment) -> bool:
        """Whether the learner is here and was not heard of for long: then a commit is due."""
        learner = assignment.tasks.get(self._learner)
        if learner is None or self._versions.age <= self._stale_after / HEARTBEATS:
            return False
        learner.dirty = True
        return True

    @property
    def failure(self) -> Exception | None:
        """Why versions come no more; None while they do."""
        return self._reader.failure

    def stop(self) -> None:
        """Follow nothing any more, soon."""
        self._reader.stop()
