"""From stage to stage: over Kafka, or at once where one worker has all partitions of both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType

from confluent_kafka import murmur2

from agents.forwarded import Forwarded, outgoing
from agents.operations import Operations
from agents.outputs import Outputs
from agents.shared.rows import ForwardedRows
from agents.shared.scores import ForwardedScores
from app.kafka.partitions import TP
from topics.records import Outgoing


class Handover:
    """Takes what a stage forwards to the next one.

    Both ways are the same: what a partition gets is in the order of its places.

    Args:
        partitions: How many each topic between two stages has.
        learners: The inputs of those that learn labelled rows.
        at_once: Whether this worker forwards all in memory, and nothing of it is written to Kafka.
        span: Milliseconds between two marks: no record has operations from both sides of one.
            None where there are no marks.
        most: Operations that a record between two stages may have; None for as many as fit.
    """

    def __init__(
        self,
        partitions: Mapping[str, int] = MappingProxyType({}),
        learners: Sequence[TP] = (),
        *,
        at_once: bool = False,
        span: int | None = None,
        most: int | None = None,
    ) -> None:
        self._partitions = partitions
        self._span = span
        self._most = most
        self.learners = learners
        self.at_once = at_once
        """Whether this worker has all partitions of all stages, and forwards in memory."""
        self._waiting: list[Forwarded] = []
        self._rows: list[ForwardedRows] = []
        self._scores: list[ForwardedScores] = []

    def accept(self, outputs: Outputs) -> None:
        """Take what an agent forwards: it waits here until the round is at its end."""
        forwarded, outputs.forwarded = outputs.forwarded, None
        rows, outputs.rows = outputs.rows, None
        if rows and rows.block:
            self._rows.append(rows)
        scores, outputs.scores = outputs.scores, None
        if scores and len(scores.scored.operations):
            self._scores.append(scores)
        if forwarded:
            self._waiting.append(forwarded)

    def take(self) -> list[tuple[TP, Operations]]:
        """All that waits, by the partition of the next stage."""
        waiting, self._waiting = self._waiting, []
        by_topic = defaultdict[str, list[Forwarded]](list)
        for forwarded in waiting:
            if len(forwarded):
                by_topic[forwarded.topic].append(forwarded)
        return [
            (TP(topic, partition), what)
            for topic, parts in by_topic.items()
            for partition, what in parts[0].divided(parts, partial(self._to, topic))
        ]

    def records(self) -> list[Outgoing]:
        """All that waits, as the records to be written for the next stage."""
        return [
            record
            for at, what in self.take()
            for record in outgoing(*at, what, span=self._span, most=self._most)
        ]

    def rows(self) -> tuple[str, list[Outgoing]] | None:
        """The labelled rows of a round: their topic, and the records to be written there."""
        rows, self._rows = self._rows, []
        if not rows:
            return None
        records = ForwardedRows.joined(rows).outgoing(in_memory=self.at_once)
        return rows[0].topic, records

    def scores(self) -> ForwardedScores | None:
        """The scored events of a round, in the order of the stream."""
        scores, self._scores = self._scores, []
        return ForwardedScores.joined(scores) if scores else None

    def forget(self) -> None:
        """What waits is void."""
        self._waiting, self._rows, self._scores = [], [], []

    def _to(self, topic: str, keys: Sequence[str]) -> list[int]:
        """As the producer chooses it."""
        count = self._partitions[topic]
        return [0] * len(keys) if count == 1 else [murmur2(key.encode(), count) for key in keys]
