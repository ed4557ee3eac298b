"""What a worker writes in its log of what it did, and what looks wrong with it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from agents.labels.counts import ENOUGH_LABELS, JoinCounts
from agents.shared.versions import Versions
from app.pipeline.load import Pipeline
from app.pipeline.stages import joins_by_id, stages
from app.pipeline.streams import Labels
from app.sentences import labels_sentence
from app.worker.output.committer import Committer
from app.worker.processor import Counters
from learners.base import UNSUPERVISED, Task
from topics.dead_letters import reason

log = logging.getLogger("riverrun.worker")

ENOUGH = 1_000
"""Events without a label before there is a warning."""
LONGEST = 200
"""Characters of an error in the log."""
_SECONDS_BEFORE = 100_000_000_000
"""A timestamp below it is of before 1973, or in seconds."""
_IN_SECONDS = ": are its timestamps seconds? Kafka's are milliseconds"


class Report:
    """Writes what was done since the last time, and nothing where nothing was.

    Args:
        pipeline: What is done.
        counters: Of all that was processed.
        committer: Counts what was committed, and has the assignment of this moment.
        versions: Of a shared model; None where each partition has its own.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        counters: Counters,
        committer: Committer,
        versions: Versions | None = None,
    ) -> None:
        self._versions = versions
        self._stale = False
        self._pipeline = pipeline
        self._labelled = False
        self._shared = pipeline.learner.shared is not None
        self._counters = counters
        self._committer = committer
        self._events = self._letters = 0
        self._none_labelled = False
        self._homeless = self._expired = 0

    def start(self, task: Task) -> None:
        """Take the learner's task; warn where nothing will ever be learned."""
        self._labelled = task not in UNSUPERVISED
        if self._labelled and self._pipeline.labels is None and self._pipeline.events.label is None:
            log.warning(
                "%s learns from labels, and the pipeline has none: it scores and never learns;"
                " set events.label or [labels]",
                self._pipeline.learner.type,
            )

    def write(self) -> None:
        """Write it in the log."""
        counters, committer = self._counters, self._committer
        self._warn_of_stale()
        if counters.events == self._events:
            return
        log.info(
            "%d records, %d learned, %d dead letters, %d commits of %.1f ms%s",
            counters.events,
            counters.learned,
            counters.dead_letters,
            committer.commits,
            1000 * committer.seconds / max(1, committer.commits),
            self._labels_met(),
        )
        self._warn_of_rejected()
        self._warn_of_unlabelled()
        if self._pipeline.labels is not None:
            self._warn_of_labels(self._pipeline.labels, self._committer.assignment.labels)
        self._events, self._letters = counters.events, counters.dead_letters

    def _labels_met(self) -> str:
        share = self._committer.assignment.labels.share
        return f", {share.met} of {share.of} labels met their event" if share.of else ""

    def _warn_of_stale(self) -> None:
        """Warn once where the learner of a shared model is not heard of."""
        versions = self._versions
        if versions is None:
            return
        ages, learned = versions.ages, versions.learned
        stale = max(ages) > self._pipeline.learner.stale_after
        if stale and not self._stale:
            oldest = ages.index(max(ages))
            log.warning(
                "%s was not heard of for %.0f s (learner.stale_after): events are scored"
                " with version %d; it runs in the worker that has %s[%d]",
                "the learner" if len(ages) == 1 else f"learner {oldest} of {len(ages)}",
                ages[oldest],
                learned[oldest],
                stages(self._pipeline)[-1].inputs[0],
                oldest,
            )
        elif self._stale and not stale:
            who = "the learner is" if len(ages) == 1 else f"all {len(ages)} learners are"
            log.info("%s heard of again: version %d", who, min(learned))
        self._stale = stale

    def _warn_of_rejected(self) -> None:
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

    def _warn_of_unlabelled(self) -> None:
        counters, label = self._counters, self._pipeline.events.label
        if not self._labelled or label is None or self._none_labelled or self._shared:
            return
        if counters.predictions >= ENOUGH and not counters.learned:
            self._none_labelled = True
            log.warning(
                'none of %d events has the label "%s" (events.label): nothing is learned',
                counters.predictions,
                label,
            )

    def _warn_of_labels(self, labels: Labels, counts: JoinCounts) -> None:
        """Warn of labels that find no event, and of events that get none, as they double."""
        share, homeless = counts.share, counts.homeless
        if share.is_small and homeless >= 2 * self._homeless:
            self._homeless = homeless
            log.warning(
                "%s. The events of the other %d were not seen on their partition: %d still wait"
                " for labels.expire, %d became dead letters",
                labels_sentence(share, by_id=joins_by_id(self._pipeline)),
                homeless, counts.unmatched, counts.unknown,
            )  # fmt: skip
        expired, least = counts.expired, ENOUGH_LABELS if labels.on_expire == "drop" else ENOUGH
        if not share.met and expired >= max(least, 2 * self._expired):
            self._expired = expired
            log.warning(
                "%d events got no label within labels.expire (%g s), and none got one; the last"
                " was of %s, when the newest record was of %s%s",
                expired,
                labels.expire,
                _date(counts.expired_time),
                _date(counts.expired_at),
                _IN_SECONDS if counts.expired_time < _SECONDS_BEFORE else "",
            )


def _date(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S}"
