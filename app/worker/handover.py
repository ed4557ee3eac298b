"""From stage to stage: over Kafka, or at once where one worker has all partitions of both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np
from confluent_kafka import murmur2

from agents.forwarded import Forwarded
from agents.operations import Operations
from agents.outputs import Outputs
from app.kafka.partitions import TP


class Handover:
    """Takes what a stage forwards to the next one.

    Both ways give the same: the operations of a partition, in the order of their places.

    Args:
        partitions: How many each topic between two stages has.
        at_once: Whether this worker forwards all in memory, and nothing of it is written to Kafka.
    """

    def __init__(
        self, partitions: Mapping[str, int] = MappingProxyType({}), *, at_once: bool = False
    ) -> None:
        self._partitions = partitions
        self._at_once = at_once
        self._waiting: list[Forwarded] = []

    def accept(self, outputs: Outputs) -> None:
        """Take what a batch gave: it is written with the other outputs, or waits here."""
        forwarded, outputs.forwarded = outputs.forwarded, None
        if forwarded is None:
            return
        if self._at_once:
            self._waiting.append(forwarded)
        else:
            outputs.others += forwarded.outgoing()

    def take(self) -> list[tuple[TP, Operations]]:
        """All that waits, by the partition of the next stage."""
        waiting, self._waiting = self._waiting, []
        by_topic = defaultdict[str, list[Forwarded]](list)
        for forwarded in waiting:
            if len(forwarded.operations):
                by_topic[forwarded.topic].append(forwarded)
        return [each for topic, parts in by_topic.items() for each in self._parted(topic, parts)]

    def forget(self) -> None:
        """What waits is void."""
        self._waiting = []

    def _parted(self, topic: str, parts: list[Forwarded]) -> Iterator[tuple[TP, Operations]]:
        """The partitions of one topic, in the order in which each has its first operation."""
        operations = Operations.joined([part.operations for part in parts])
        order = np.argsort(operations.places, kind="stable")
        to = np.array(self._to(topic, [key for part in parts for key in part.keys]))[order]
        for partition in dict.fromkeys(to.tolist()):
            yield TP(topic, partition), operations.take(order[to == partition])

    def _to(self, topic: str, keys: list[str]) -> list[int]:
        """As the producer chooses it."""
        count = self._partitions[topic]
        return [0] * len(keys) if count == 1 else [murmur2(key.encode(), count) for key in keys]
