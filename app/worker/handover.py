"""From stage to stage: over Kafka, or at once where one worker has all partitions of both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from operator import attrgetter

from confluent_kafka import murmur2

from agents.outputs import Outputs
from agents.relay import Handed
from app.worker.fetching import TP


class Handover:
    """Takes what a stage hands on.

    Both ways give the same: the records of a partition, in the order of their places.

    Args:
        partitions: How many each topic between two stages has.
    """

    def __init__(self, partitions: Mapping[str, int]) -> None:
        self._partitions = partitions
        self._waiting: list[Handed] = []
        self.at_once = False
        """Whether this worker hands all over itself, and nothing of it is written to Kafka."""

    def accept(self, outputs: Outputs) -> None:
        """Take what a batch gave: it is written with the other outputs, or waits here."""
        handed, outputs.handed = outputs.handed, []
        if self.at_once:
            self._waiting += handed
        else:
            outputs.others += [one.outgoing() for one in handed]

    def take(self) -> Mapping[TP, Sequence[Handed]]:
        """All that waits, by the partition of the next stage."""
        waiting, self._waiting = self._waiting, []
        found: defaultdict[TP, list[Handed]] = defaultdict(list)
        for one in sorted(waiting, key=attrgetter("place")):
            found[self._to(one)].append(one)
        return found

    def forget(self) -> None:
        """What waits is void."""
        self._waiting = []

    def _to(self, one: Handed) -> TP:
        """As the producer chooses it."""
        topic = one.next_topic
        return TP(topic, murmur2(one.next_key, self._partitions[topic]))
