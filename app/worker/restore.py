"""Restores the state of partitions from Kafka: at start, after a crash, on a rebalance."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from agents.state import MemoryStore, Store
from app.errors import RiverrunError
from app.worker.fetching import TP
from app.worker.state_topic import StateReader
from app.worker.tasks import POSITION, decode_position

log = logging.getLogger("riverrun.worker")

T = TypeVar("T")

ANSWER_SECONDS = 2.0
"""How long one question to Kafka waits, before it is asked again."""


class RestoreRefused(RiverrunError):
    """The state on Kafka cannot be used: it would not be what the promise says."""


class PartitionMoved(RiverrunError):
    """Another worker has the partition by now: this one was away for too long."""


class RestoreStopped(RiverrunError):
    """The worker is to stop, and waits for no state."""


class RestoreTimeout(RiverrunError):
    """Kafka did not give the state in time."""


@dataclass(frozen=True, slots=True)
class Restored:
    """The state of one partition.

    Attributes:
        entries: Keys and whole values: a store, or for tests a dict.
        offsets: By input topic: it is done up to here, exclusive; None where nothing was
            committed yet.
        chosen: The offsets are the ends of inputs that were never committed: they must be
            committed before anything is read, else a later restore would choose later ends.
        chunks: How many records each large value has on the state topic.
    """

    entries: Store | dict[str, bytes]
    offsets: dict[str, int | None]
    chosen: bool = False
    chunks: Mapping[str, int] = field(default_factory=dict)

    def close(self) -> None:
        """Let go of a state that nobody takes."""
        if isinstance(self.entries, Store):
            self.entries.close()


class Restorer:
    """Reads states back; its methods block and are called by one thread.

    Args:
        consumer: librdkafka's settings of a consumer with the pipeline's group id, reading
            committed records and reporting the ends of partitions; it never joins the group.
        admin: librdkafka's settings of an admin client.
        topics: The input topics.
        state_topic: Their state; partition n of one belongs to partition n of the others.
        latest: Whether a partition that was never committed begins at its end.
        timeout: Seconds that a restore may go without progress.
        new_store: Gives an empty store for a partition.
    """

    def __init__(
        self,
        consumer: Mapping[str, Any],
        admin: Mapping[str, Any],
        topics: Sequence[str],
        state_topic: str,
        *,
        latest: bool = False,
        timeout: float = 60.0,
        new_store: Callable[[int], Store] = lambda _: MemoryStore(),
    ) -> None:
        self._consumer = Consumer(dict(consumer))
        self._admin = AdminClient(dict(admin))
        self._topics = tuple(topics)
        self._state_topic = state_topic
        self._latest = latest
        self._timeout = timeout
        self._new_store = new_store
        self._stopped = threading.Event()

    def restore(self, partitions: Sequence[int]) -> dict[int, Restored]:
        """The states of ``partitions``, each at its committed offset.

        1. the committed offsets, stable; 2. the end of the state, read uncommitted;
        3. the state, read committed, past that end; 4. its own offset must be the committed one.

        Raises:
            RestoreRefused: when state and offset differ, or the state is damaged.
            PartitionMoved: when another worker commits at the same time.
            RestoreStopped: after ``stop``.
            RestoreTimeout: when there is no progress for ``timeout`` seconds.
        """
        if not partitions:
            return {}
        # 1. the committed offsets: read_committed makes librdkafka ask for stable ones
        committed = self._committed(partitions)
        # 2. the end, read uncommitted: a transaction's marker may still be under way
        ends = self._ends(self._state_topic, partitions, IsolationLevel.READ_UNCOMMITTED)
        stores = {partition: self._new_store(partition) for partition in partitions}
        try:
            # 3. the state, past that end
            readers = self._read(ends, stores)
            restored = {}
            for partition, store in stores.items():
                # 4. both must agree
                self._require_same_offset(partition, store, committed[partition])
                chunks = readers[partition].chunks
                restored[partition] = Restored(store, committed[partition], chunks=chunks)
            return restored | (self._begin_at_end(restored) if self._latest else {})
        except BaseException:
            for store in stores.values():
                store.close()
            raise

    def all_read(self, offsets: Mapping[TP, int | None]) -> bool:
        """Whether the inputs hold nothing from these offsets on, nor a transaction for them.

        False also where Kafka does not tell in time.
        """
        pending = {at for at in offsets if at.topic in self._topics}
        # As in a restore: the marker of a transaction may still be under way.
        ends = {
            TP(topic, partition): end
            for topic in self._topics
            for partition, end in self._ends(
                topic,
                [at.partition for at in pending if at.topic == topic],
                IsolationLevel.READ_UNCOMMITTED,
            ).items()
        }
        places = [
            TopicPartition(*at, OFFSET_BEGINNING if (offset := offsets[at]) is None else offset)
            for at in pending
        ]
        deadline = time.monotonic() + ANSWER_SECONDS
        self._consumer.assign(places)
        try:
            while pending and time.monotonic() < deadline:
                self._check()
                for message in self._consumer.consume(1_000, 0.05):
                    error = message.error()
                    if error is None:
                        return False
                    at = TP(message.topic() or "", message.partition() or 0)
                    at_end = error.code() == KafkaError._PARTITION_EOF
                    if at_end and (message.offset() or 0) >= ends[at]:
                        pending.discard(at)
        finally:
            self._consumer.unassign()
        return not pending

    def stop(self) -> None:
        """End a restore that is under way; called by any thread."""
        self._stopped.set()

    def close(self) -> None:
        """Close the clients."""
        self._consumer.close()

    def _committed(self, partitions: Sequence[int]) -> dict[int, dict[str, int | None]]:
        """By partition and topic."""
        asked = [TopicPartition(topic, p) for topic in self._topics for p in partitions]

        def ask() -> dict[int, dict[str, int | None]]:
            found: dict[int, dict[str, int | None]] = {p: {} for p in partitions}
            for tp in self._consumer.committed(asked, timeout=ANSWER_SECONDS):
                if tp.error is not None:
                    raise KafkaException(tp.error)
                found[tp.partition][tp.topic] = tp.offset if tp.offset >= 0 else None
            return found

        return self._answer(ask, f"the committed offsets of {' and '.join(self._topics)}")

    def _begin_at_end(self, restored: Mapping[int, Restored]) -> dict[int, Restored]:
        new = [p for p, state in restored.items() if not any(_known(state.offsets.values()))]
        ends: dict[int, dict[str, int | None]] = {p: {} for p in new}
        for topic in self._topics:
            for p, end in self._ends(topic, new, IsolationLevel.READ_COMMITTED).items():
                ends[p][topic] = end
        return {p: replace(restored[p], offsets=ends[p], chosen=True) for p in new}

    def _ends(
        self, topic: str, partitions: Sequence[int], isolation: IsolationLevel
    ) -> dict[int, int]:
        if not partitions:
            return {}
        asked = {TopicPartition(topic, p): OffsetSpec.latest() for p in partitions}

        def ask() -> dict[int, int]:
            futures = self._admin.list_offsets(
                asked, isolation_level=isolation, request_timeout=ANSWER_SECONDS
            )
            try:
                return {tp.partition: future.result().offset for tp, future in futures.items()}
            except KafkaException:
                # It goes on asking by the leader and the epoch that it remembers: look again.
                self._admin.describe_topics(
                    TopicCollection([topic]), request_timeout=ANSWER_SECONDS
                )[topic].result()
                raise

        return self._answer(ask, f"the end of {topic}")

    def _answer(self, ask: Callable[[], T], what: str) -> T:
        """Ask until there is an answer: a broker that restarts refuses for a while."""
        deadline = time.monotonic() + self._timeout
        while True:
            self._check()
            try:
                return ask()
            except KafkaException as error:
                if time.monotonic() > deadline:
                    raise RestoreTimeout(f"{what} did not come: {error.args[0].str()}") from error
                time.sleep(0.05)

    def _read(self, ends: Mapping[int, int], stores: Mapping[int, Store]) -> dict[int, StateReader]:
        readers = {partition: StateReader(store) for partition, store in stores.items()}
        if pending := {partition for partition, end in ends.items() if end > 0}:
            self._read_until(ends, pending, readers)
        for reader in readers.values():
            reader.finish()
        return readers

    def _read_until(
        self, ends: Mapping[int, int], pending: set[int], readers: Mapping[int, StateReader]
    ) -> None:
        self._consumer.assign(
            [TopicPartition(self._state_topic, p, OFFSET_BEGINNING) for p in sorted(pending)]
        )
        try:
            last_progress = time.monotonic()
            while pending:
                self._check()
                for message in self._consumer.consume(10_000, 0.05):
                    partition, error = message.partition() or 0, message.error()
                    if error is None:
                        last_progress = time.monotonic()
                        readers[partition].apply(message.key() or b"", message.value())
                    elif error.code() != KafkaError._PARTITION_EOF:
                        log.warning("%s: %s", self._state_topic, error.str())
                    elif (message.offset() or 0) >= ends[partition]:
                        pending.discard(partition)
                if time.monotonic() - last_progress > self._timeout:
                    raise RestoreTimeout(
                        f"{self._state_topic}: partitions {sorted(pending)} stand still; "
                        "a transaction may hang there"
                    )
        finally:
            self._consumer.unassign()

    def _require_same_offset(
        self, partition: int, store: Store, committed: Mapping[str, int | None]
    ) -> None:
        position = decode_position(store.get(POSITION))
        wrong = [t for t in self._topics if position.get(t) != committed[t]]
        if not wrong:
            return
        topic = wrong[0]
        own = position.get(topic)
        if self._committed([partition])[partition] != committed:
            raise PartitionMoved(
                f"{topic}[{partition}]: another worker has it; this one was away too long"
            )
        raise RestoreRefused(
            f"{topic}[{partition}]: the state has learned up to offset {_said(own)}, but the "
            f"group's committed offset is {_said(committed[topic])}. They are always written "
            f"together, so somebody moved one of them. Set the group's offset to {_said(own)}, or "
            f"delete the topic {self._state_topic} and the group's offsets to learn anew"
        )

    def _check(self) -> None:
        if self._stopped.is_set():
            raise RestoreStopped("stopped while the state was restored")


def _known(offsets: Iterable[int | None]) -> Iterator[bool]:
    return (offset is not None for offset in offsets)


def _said(offset: int | None) -> str:
    return "none" if offset is None else str(offset)
