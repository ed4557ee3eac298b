"""What a worker tells in its log of what it did, and what looks wrong with it."""

from __future__ import annotations

import logging

from app.pipeline.load import Pipeline
from app.worker.committer import Committer
from app.worker.processor import Counters
from learners.base import Task
from topics.dead_letters import reason

log = logging.getLogger("riverrun.worker")

ENOUGH = 1_000
"""Events without a label before somebody is told."""
LONGEST = 200
"""Characters of an error in the log."""
WITHOUT_LABELS: tuple[Task, ...] = ("clustering", "anomaly")


class Report:
    """Tells what was done since it last told, and nothing where nothing was.

    Args:
        pipeline: What is done.
        counters: What was done.
        committer: What was committed.
    """

    def __init__(self, pipeline: Pipeline, counters: Counters, committer: Committer) -> None:
        self._pipeline = pipeline
        self._labelled = False
        self._counters = counters
        self._committer = committer
        self._events = self._letters = 0
        self._none_labelled = False

    def start(self, task: Task) -> None:
        """Take the learner's task; warn where nothing will ever be learned."""
        self._labelled = task not in WITHOUT_LABELS
        if self._labelled and self._pipeline.labels is None and self._pipeline.events.label is None:
            log.warning(
                "%s learns from labels, and the pipeline has none: it scores and never learns;"
                " set events.label or [labels]",
                self._pipeline.learner.type,
            )

    def tell(self) -> None:
        """Tell it in the log."""
        counters, committer = self._counters, self._committer
        if counters.events == self._events:
            return
        log.info(
            "%d events, %d learned, %d dead letters, %d commits of %.1f ms",
            counters.events,
            counters.learned,
            counters.dead_letters,
            committer.commits,
            1000 * committer.seconds / max(1, committer.commits),
        )
        self._tell_letters()
        self._tell_unlabelled()
        self._events, self._letters = counters.events, counters.dead_letters

    def _tell_letters(self) -> None:
        letter = self._counters.last_letter
        if letter is None or self._counters.dead_letters == self._letters:
            return
        why = reason(letter.headers or [])
        log.warning(
            "dead letters: %d more (riverrun dead-letters lists them), the last %s[%d]@%d: %s: %s",
            self._counters.dead_letters - self._letters,
            why.topic,
            why.partition,
            why.offset,
            why.stage,
            why.message[:LONGEST],
        )

    def _tell_unlabelled(self) -> None:
        counters, label = self._counters, self._pipeline.events.label
        if not self._labelled or label is None or self._none_labelled:
            return
        if counters.predictions >= ENOUGH and not counters.learned:
            self._none_labelled = True
            log.warning(
                'none of %d events has the label "%s" (events.label): nothing is learned',
                counters.predictions,
                label,
            )
