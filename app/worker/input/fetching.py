"""Reads the input in batches, over confluent-kafka, as a member of the consumer group.

Everything here runs on one thread, the one that polls: librdkafka calls back from inside
``poll`` and ``consume``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any, Protocol

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from app.errors import RiverrunError
from app.kafka.partitions import TP
from app.worker.assignment import Assignment
from app.worker.input.block_records import cut, operations_in
from app.worker.input.rounds import Rounds
from topics.records import Batch, of_each

log = logging.getLogger("riverrun.worker")


WAKE_SECONDS = 0.1
"""Between two wake-ups of librdkafka."""


class InputLost(RiverrunError):
    """Input that was not read yet is gone: its retention was shorter than the downtime."""


class ConsumerLost(RiverrunError):
    """The consumer can go on no more: it was fenced, or Kafka refused it."""


class Rebalance(Protocol):
    """What is done when partitions come and go; called on the polling thread."""

    def revoked(self, *, lost: bool) -> None:
        """Commit, or abort where the partitions are already ``lost``, and forget all state."""

    def restore(self, assignment: Assignment) -> Mapping[TP, int | None]:
        """Restore the state; return the offset to start from, None for the beginning.

        A partition without one is not read, for now.
        """

    def assigned(self, partitions: Sequence[TP]) -> None:
        """The group gave these partitions, and they are being read."""


class Fetcher:
    """A consumer that hands out batches.

    Args:
        config: librdkafka's settings; see ``group_consumer``.
        rebalance: Called when partitions come and go.
        on_idle: Called, on this thread, when nothing is there to be read.
        merged: Topics with the same partitions that are merged by time; see ``Rounds``.
        together: Whether all of their partitions are; else each by itself.
        max_idle: Seconds; see ``Merge``.
        inner: More topics that are merged, by the times of the events; see ``Rounds``.
        span: Milliseconds; see ``Rounds``.
        blocks: Topics whose records have many events and labels each: batches are cut by these.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        rebalance: Rebalance,
        on_idle: Callable[[], None],
        merged: Sequence[str] = (),
        *,
        together: bool = False,
        max_idle: float = 0.0,
        inner: Sequence[str] = (),
        span: int | None = None,
        blocks: Sequence[str] = (),
    ) -> None:
        self._inner = tuple(inner)
        self._blocks = frozenset(blocks)
        self._span = span
        self._consumer = Consumer(dict(config))
        self._rebalance = rebalance
        self._on_idle = on_idle
        self._merged = tuple(merged)
        self._together = together
        self._max_idle = max_idle
        self._rounds = Rounds()
        self._numbers: dict[TP, int] = {}
        self._starts: list[TopicPartition] = []
        self._closing = False
        self._woken = 0.0
        self.assignment = Assignment()
        """The one of this moment."""

    def subscribe(self, topics: Sequence[str]) -> None:
        """Join the group; partitions are assigned inside a later ``fetch``."""
        self._consumer.subscribe(
            list(topics),
            on_assign=self._on_assign,
            on_revoke=lambda _, __: self._on_revoke(lost=False),
            on_lost=lambda _, __: self._on_revoke(lost=True),
        )

    def fetch(self, limit: int, timeout: float) -> list[Batch]:
        """About ``limit`` records, by partition; empty when none came for ``timeout`` seconds.

        Raises:
            InputLost: when the offset to read from is gone.
            ConsumerLost: on any error after which the consumer is of no use.
        """
        self._wake()
        batches = self._batches(self._consume(limit), limit)
        if not batches:
            self.assignment.all_fetched = True
            self._on_idle()
            # A rebalance may run inside: what a poll returns is from after it.
            first = self._consumer.poll(self._patience(timeout))
            messages = [] if first is None else [first]
            if first is not None:
                assignment = self.assignment
                more = self._consume(limit - 1)
                messages = [first, *more] if assignment is self.assignment else []
            batches = self._batches(messages, limit)
            self.assignment.all_fetched = not batches
        self.assignment.ended = frozenset() if batches else self._rounds.ended
        return batches

    def _wake(self) -> None:
        """Ask librdkafka something: else it may look only once a second whether the next
        heartbeat is due, by the answer to which it learns of a rebalance."""
        if monotonic() - self._woken >= WAKE_SECONDS:
            self._consumer.assignment()
            self._woken = monotonic()

    def _patience(self, timeout: float) -> float:
        """How long to wait for records, where some wait already for those of another topic."""
        wait = self._rounds.wait()
        return timeout if wait is None else min(timeout, wait)

    def _consume(self, limit: int) -> list[Any]:
        """What is there already; nothing, where a rebalance ran inside.

        Some of that would be from before it, so all is dropped and read again.
        """
        assignment = self.assignment
        messages = self._consumer.consume(limit, 0) if limit else []
        if assignment is self.assignment:
            return messages
        if messages and self._starts:
            self._consumer.assign(self._starts)
        return []

    def restart(self) -> None:
        """Restore the state of all partitions, and read from where it stands."""
        self._assign(Assignment(self.assignment.partitions, self.assignment.group))

    def close(self) -> None:
        """Leave the group; nothing is committed."""
        self._closing = True
        self._consumer.close()

    def _batches(self, messages: Sequence[Any], limit: int) -> list[Batch]:
        if self._rounds:
            messages = self._rounds.add(messages)
        batches = [
            self._batch(tp, some)
            for tp, records in _by_partition(messages)
            for some in (cut(records, limit) if tp.topic in self._blocks else (records,))
        ]
        return [*batches, *self._merged_batches(limit)] if self._rounds else batches

    def _merged_batches(self, limit: int) -> list[Batch]:
        batches = []
        for part in self._rounds.take(limit):
            batch = self._batch(TP(part.topic, part.partition), part.records)
            batch = replace(batch, ends=part.ends, mark=part.mark)
            if self._together:
                batch = replace(batch, places=part.places, last=part.last)
            batches.append(batch)
        if full := self._rounds.to_pause():
            self._consumer.pause([TopicPartition(*at) for at in full])
        if room := self._rounds.to_resume():
            self._consumer.resume([TopicPartition(*at) for at in room])
        return batches

    def _batch(self, tp: TP, records: list[Any]) -> Batch:
        number = self._numbers[tp]
        self._numbers[tp] = number + 1
        operations = sum(map(operations_in, records)) if tp.topic in self._blocks else None
        return Batch(
            *(tp.topic, tp.partition, records, self.assignment, number), operations=operations
        )

    def _on_assign(self, _: Consumer, partitions: Sequence[TopicPartition]) -> None:
        tps = [TP(tp.topic, tp.partition) for tp in partitions]
        # Not later: out of the group, it names no member, and Kafka fences no commit by it.
        group = self._consumer.consumer_group_metadata()
        self._assign(Assignment(tuple(tps), group))
        self._rebalance.assigned(tps)

    def _assign(self, assignment: Assignment) -> None:
        # Ours, since librdkafka's own answers only outside of its callbacks.
        self.assignment = assignment
        partitions = assignment.partitions
        self._numbers = dict.fromkeys(partitions, 0)
        self._rounds = Rounds(
            self._merged, partitions, together=self._together, max_idle=self._max_idle,
            inner=self._inner, span=self._span,
        )  # fmt: skip
        offsets = self._rebalance.restore(assignment)
        self._rounds.begin(assignment.least)
        self._starts = [
            TopicPartition(tp.topic, tp.partition, OFFSET_BEGINNING if at is None else at)
            for tp, at in ((tp, offsets[tp]) for tp in partitions if tp in offsets)
        ]
        self._consumer.assign(self._starts)
        if self._rounds:
            # librdkafka would remember what was paused before, whoever had it meanwhile.
            self._consumer.resume(self._starts)

    def _on_revoke(self, *, lost: bool) -> None:
        if not self._closing:
            self._rebalance.revoked(lost=lost)
            self._consumer.unassign()
            self.assignment = Assignment()
            self._starts = []
            self._rounds = Rounds()


def _by_partition(messages: Sequence[Any]) -> Iterable[tuple[TP, list[Any]]]:
    """The records of each partition; raises for an error that is final."""
    if _of_one_partition(messages):
        return [(TP(messages[0].topic(), messages[0].partition()), list(messages))]
    found: dict[tuple[str, int], list[Any]] = {}
    for message in messages:
        if message.error() is not None:
            _raise_if_final(message)
            continue
        at = (message.topic(), message.partition())
        try:
            found[at].append(message)
        except KeyError:
            found[at] = [message]
    return [(TP(*at), records) for at, records in found.items()]


def _of_one_partition(messages: Sequence[Any]) -> bool:
    """Whether all are records of one partition: the usual case, seen without a loop in Python."""
    return (
        not any(of_each(messages, "error"))
        and len(set(of_each(messages, "partition"))) == 1
        and len(set(of_each(messages, "topic"))) == 1
    )


def _raise_if_final(message: Any) -> None:
    error: KafkaError = message.error()
    if error.code() == KafkaError._PARTITION_EOF:
        return
    where = f"{message.topic()}[{message.partition()}]"
    if error.code() == KafkaError._AUTO_OFFSET_RESET and not error.str().startswith(NOT_TOLD):
        raise InputLost(
            f"{where}: the next offset to read is gone ({error.str()}): events were deleted "
            "before they were read. What was committed is whole, up to there. Raise the topic's "
            "retention; `riverrun state check FILE.toml` reports on what is missing"
        )
    if error.fatal() or not (error.retriable() or error.code() in _PASSING):
        raise ConsumerLost(f"{where}: {error.str()}")
    log.warning("%s: %s", where, error.str())


NOT_TOLD = "failed to query logical offset"
"""What librdkafka says where a broker could not name the first offset: it has not heard of the
topic yet, or leads it no longer. Then the consumer reads that partition no more."""

_PASSING = {
    KafkaError._MAX_POLL_EXCEEDED,
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._RESOLVE,
}
