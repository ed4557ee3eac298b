"""The agent that deals labelled rows out to several learners."""

from __future__ import annotations

from agents.outputs import Outputs, Refused
from agents.rejected import Rejected
from agents.shared.rows import blocks_to_learn
from topics.dead_letters import dead_letter
from topics.records import Batch, Outgoing


class Dealing:
    """Writes each block of rows to every learner, in the order of the log. It remembers nothing.

    Args:
        topic: Of the learners' rows.
        learners: How many partitions it has.
        dead_letters: The topic for blocks that cannot be read.
    """

    model = None
    labels = None

    def __init__(self, topic: str, learners: int, dead_letters: str) -> None:
        self._topic = topic
        self._learners = learners
        self._dead_letters = dead_letters

    def save(self) -> None:
        """Nothing."""

    def warm_up(self) -> None:
        """Nothing."""

    def process(self, batch: Batch, refused: Refused) -> Outputs:
        """Deal out the blocks of these records, as they are; see ``Agent.process``."""
        unreadable: list[Rejected] = []
        found = blocks_to_learn(batch.records, unreadable)
        values = [batch.records[i].value() for i, _ in found]
        dealt = [Outgoing(self._topic, None, v, n) for v in values for n in range(self._learners)]
        letters = [dead_letter(self._dead_letters, *each) for each in unreadable]
        return Outputs(others=dealt, dead_letters=letters)

    def take(self, forwarded: object, refused: Refused) -> Outputs:
        """Nothing: what is handed over in memory goes to the learners at once."""
        return Outputs()
