"""The agent of the one learner: it learns rows in the order of their topic."""

from __future__ import annotations

from agents.dead_letter_format import DeadLetterFormat
from agents.errors import LearnRefused, Refusal
from agents.keys import key_of
from agents.outputs import Outputs, Refused
from agents.records import StoredRecord
from agents.rejected import Rejected
from agents.shared.rows import Origin, RowBlock, blocks_to_learn
from learners.model import LearnFailed, Model
from topics.dead_letters import Stage, dead_letter
from topics.records import Batch, Record


class Learning:
    """Learns labelled rows. All that it remembers is the model.

    Args:
        model: It is changed in place.
        letters: How dead letters are made of rows that cannot be learned.
        dead_letters: The topic for them.
    """

    labels = None

    def __init__(self, model: Model, letters: DeadLetterFormat, dead_letters: str) -> None:
        self.model = model
        self._letters = letters
        self._dead_letters = dead_letters

    def save(self) -> None:
        """Nothing: who runs the agent saves the model."""

    def warm_up(self) -> None:
        """Nothing: the model is warmed up by who made it."""

    def process(self, batch: Batch, refused: Refused) -> Outputs:
        """Learn the rows of these blocks, one after another; see ``Agent.process``."""
        unreadable: list[Rejected] = []
        found = blocks_to_learn(batch.records, unreadable)
        blocks = [block for _, block in found]
        outputs = self.take(RowBlock.joined(blocks), refused)
        outputs.dead_letters += [dead_letter(self._dead_letters, *each) for each in unreadable]
        return outputs

    def take(self, block: RowBlock, refused: Refused) -> Outputs:
        """As ``process``, for rows that were handed over in memory."""
        bad: list[Rejected] = []
        known = [refused.get(_refusal(origin)) for origin in block.origins] if refused else []
        if any(known):
            bad = [
                self._reject(block, i, "learn", error)
                for i, error in enumerate(known)
                if error is not None
            ]
            block = block.take([i for i, error in enumerate(known) if error is None])
        before = self.model.learned
        bad += self._learn(block) if len(block) else []
        letters = [dead_letter(self._dead_letters, *each) for each in bad]
        return Outputs(dead_letters=letters, learned=self.model.learned - before)

    def _learn(self, block: RowBlock) -> list[Rejected]:
        """What is rejected the model could not even score, before it would have learned it."""
        try:
            found = self.model.run(block.features(), block.labels, times=block.times)
        except LearnFailed as error:
            raise LearnRefused(_refusal(block.origins[error.index]), error.cause) from error
        return [self._reject(block, i, "predict", e) for i, e in found.failures.items()]

    def _reject(self, block: RowBlock, i: int, stage: Stage, error: Exception) -> Rejected:
        return Rejected(self._letter(block.origins[i], block.labels[i]), stage, error)

    def _letter(self, origin: Origin, label: object) -> Record:
        value = self._letters.label(origin.id, label)
        return StoredRecord(origin.source, origin.key, value, origin.time)


def _refusal(origin: Origin) -> Refusal:
    """What names a row when all is done again."""
    return Refusal(
        *(origin.source.topic, origin.source.partition, origin.source.offset),
        key_of("row ", origin.id),
    )
