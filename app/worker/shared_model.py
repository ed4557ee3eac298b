"""What a worker does for a model that all partitions share."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

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
        readers: Follow the versions on Kafka, by the inputs of the learners.
        versions: What the scorers have.
        stale_after: Seconds; see the pipeline file.
    """

    def __init__(
        self, readers: Mapping[TP, VersionReader], versions: Versions, stale_after: float
    ) -> None:
        self._readers = dict(readers)
        self._versions = versions
        self._stale_after = stale_after

    async def have_newest(self, assignment: Assignment) -> None:
        """Have what is to be scored with, before anything is.

        A worker that learns has it in the state of the learner.
        """
        elsewhere = []
        for at, reader in self._readers.items():
            if at in assignment.partitions:
                reader.pause()
            else:
                reader.follow()
                elsewhere.append(reader)
        for reader in elsewhere:
            await asyncio.to_thread(reader.wait)

    def heartbeat(self, assignment: Assignment) -> bool:
        """Whether a learner is here and was not heard of for long: then a commit is due."""
        due = False
        for at, age in zip(self._readers, self._versions.ages, strict=True):
            learner = assignment.tasks.get(at)
            if learner is not None and age > self._stale_after / HEARTBEATS:
                learner.dirty = due = True
        return due

    @property
    def failure(self) -> Exception | None:
        """Why versions come no more; None while they do."""
        return next((r.failure for r in self._readers.values() if r.failure is not None), None)

    def stop(self) -> None:
        """Follow nothing any more, soon."""
        for reader in self._readers.values():
            reader.stop()
