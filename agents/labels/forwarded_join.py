"""Labels find their events in a later stage, which is keyed by the events' ids."""

from __future__ import annotations

from agents.labels.counts import JoinCounts
from agents.labels.join import LabelJoin
from agents.labels.reader import ParsedLabel
from agents.operations import EVENT, Operations, ParsedEvent
from agents.rejected import Rejected


class ForwardedJoin:
    """Joins labels with events that a stage before has forwarded.

    Args:
        join: Of the partition.
    """

    def __init__(self, join: LabelJoin) -> None:
        self._join = join

    @property
    def counts(self) -> JoinCounts:
        """What happened to labels."""
        return self._join.counts

    def save(self) -> None:
        """Put what has changed into the state."""
        self._join.save()

    def warm_up(self) -> None:
        """Compile; only where there are no entries yet."""
        self._join.warm_up()

    def apply(self, operations: Operations) -> tuple[Operations, list[Rejected]]:
        """The events, and what happens to labels by each event and label, in order.

        An event keeps the features that were added to it.
        """
        found = self._join.run([_arrived(operations, i) for i in range(len(operations))])
        joined = found.operations(operations.causes, operations.places.tolist())
        joined.added = {name: column[found.by] for name, column in operations.added.items()}
        joined.letters, joined.origin = operations.letters, operations.origin
        return joined, [rejected for _, rejected in found.rejected]


def _arrived(operations: Operations, i: int) -> ParsedEvent | ParsedLabel:
    id_, time, record = operations.ids[i], int(operations.times[i]), operations.records[i]
    if operations.kinds[i] == EVENT:
        return ParsedEvent(id_, time, operations.came[i], record)
    return ParsedLabel(id_, operations.labels[i], None, operations.weights[i], time, record)
