"""The agent of the one stage that decides, or evaluates, for all partitions."""

from __future__ import annotations

from agents.evaluation.watching import Watcher
from agents.outputs import Outputs, Refused
from agents.rejected import Rejected, read_each
from agents.shared.scores import ScoresUnreadable, decode
from agents.sinks.publish import Publisher
from agents.sinks.scored import ScoredBatch
from topics.dead_letters import dead_letter
from topics.records import Batch, Record


class Deciding:
    """Decides about scored events in their order, publishes them, and evaluates.

    Args:
        publisher: Decides within a budget; None where scorers publish themselves.
        watcher: Evaluates; None where nothing does.
        dead_letters: The topic for blocks that cannot be read.
    """

    model = None
    labels = None

    def __init__(
        self, publisher: Publisher | None, watcher: Watcher | None, dead_letters: str
    ) -> None:
        self._publisher = publisher
        self._watcher = watcher
        self._dead_letters = dead_letters

    def save(self) -> None:
        """Put what has changed into the state."""
        if self._publisher is not None:
            self._publisher.save()
        if self._watcher is not None:
            self._watcher.save()

    def warm_up(self) -> None:
        """Compile what encodes predictions."""
        if self._publisher is not None:
            self._publisher.warm_up()

    def process(self, batch: Batch, refused: Refused) -> Outputs:
        """Take in the blocks of these records, in order; see ``Agent.process``."""
        outputs, unreadable = Outputs(), list[Rejected]()
        for _, scored in read_each(batch.records, _decoded, ScoresUnreadable, unreadable):
            self._take(scored, outputs)
        outputs.dead_letters = [dead_letter(self._dead_letters, *each) for each in unreadable]
        return outputs

    def take(self, scored: ScoredBatch, refused: Refused) -> Outputs:
        """As ``process``, for what was handed over in memory; nothing is learned here."""
        outputs = Outputs()
        self._take(scored, outputs)
        return outputs

    def _take(self, scored: ScoredBatch, outputs: Outputs) -> None:
        if self._publisher is not None:
            self._publisher.publish(scored, outputs)
        if self._watcher is not None:
            outputs.others += self._watcher.watch(scored)


def _decoded(record: Record) -> ScoredBatch:
    return decode(record.value())
