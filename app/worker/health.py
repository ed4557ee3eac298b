"""What a worker tells its page: whether it does its work, and what it has done."""

from __future__ import annotations

from typing import Any

from agents.shared.versions import Versions
from app.kafka.partitions import partitions_of
from app.page.told import words
from app.pipeline.load import Pipeline
from app.worker.measured import Measured
from app.worker.output.committer import Committer
from app.worker.processor import Counters


class Health:
    """Looks at the parts of a worker, on the event loop.

    Args:
        pipeline: What is done.
        counters: Of all that was processed.
        committer: Has the assignment of this moment.
        measured: For the metrics.
        versions: Of a shared model; None where each partition has its own.

    Attributes:
        doing: Why it is not ready; empty where its states are restored, and it goes on.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        counters: Counters,
        committer: Committer,
        measured: Measured,
        versions: Versions | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._versions = versions
        self._counters = counters
        self._committer = committer
        self._measured = measured
        self.doing = "it starts and joins the group"

    @property
    def partitions(self) -> list[int]:
        """The partitions of the events that are this worker's."""
        topic = self._pipeline.events.topic
        return partitions_of(tp for tp in self._committer.assignment.tasks if tp.topic == topic)

    def words(self) -> bytes:
        """A line for the page."""
        return words(self.health(), self.counts(), self._measured.said())

    def health(self) -> dict[str, Any]:
        """Whether this worker does its work, and on what."""
        return {
            "ready": not self.doing,
            "reasons": [self.doing] if self.doing else [],
            "partitions": self.partitions,
            "events": self._counters.events,
            "commits": self._committer.commits,
            **({} if self._versions is None else {"model": self._model(self._versions)}),
        }

    def _model(self, versions: Versions) -> dict[str, Any]:
        """The shared model that is scored with; seconds since its learner was heard of."""
        age, learned = versions.age, versions.learned
        return {
            "version": min(learned),
            **({"shares": learned} if len(learned) > 1 else {}),
            "age": round(age, 1),
            "stale": age > self._pipeline.learner.stale_after,
        }

    def counts(self) -> dict[str, Any]:
        """What this worker has done since it started."""
        labels = self._committer.assignment.labels
        return {
            "partitions": self.partitions,
            "scored": self._counters.predictions,
            "learned": self._counters.learned,
            "waiting": labels.waiting if self._pipeline.labels else None,
            "labels_met": list(labels.share) if self._pipeline.labels else None,
            "dead_letters": self._counters.dead_letters,
            "commits": self._committer.commits,
        }
