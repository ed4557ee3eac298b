"""Restores the state of partitions from Kafka: at start, after a crash, on a rebalance."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from confluent_kafka import (
    Consumer,
    IsolationLevel,
)
from confluent_kafka.admin import AdminClient

from agents.state import Checksum
from agents.store import MemoryStore, Store
from agents.views import View
from app.errors import RiverrunError
from app.kafka.asking import Asking
from app.kafka.identity import Identity
from app.kafka.partitions import TP
from app.pipeline.load import Pipeline
from app.worker.output.outputs_beyond import OutputReader
from app.worker.output.published import sources
from app.worker.state.checks import Found, another_topic, checked
from app.worker.state.flaws import StateDamaged
from app.worker.state.followed import unwrapped
from app.worker.state.inventory import Inventory
from app.worker.state.position import Position
from app.worker.state.reader import StateReader
from app.worker.state.reading import nothing_from, read_until

log = logging.getLogger("riverrun.worker")

COMMANDS = (
    "`riverrun state check FILE.toml` reports on all partitions, `riverrun state repair FILE.toml`"
    " shows what can be done; until then nothing is scored twice or left out"
)


class RestoreRefused(RiverrunError):
    """The state on Kafka cannot be used: it would not be what the promise says."""


class PartitionMoved(RiverrunError):
    """Another worker has the partition by now: this one was away for too long."""


@dataclass(frozen=True, slots=True)
class Restored:
    """The state of one partition.

    Attributes:
        entries: Keys and whole values: a store, or for tests a dict.
        offsets: By input topic: it is done up to here, exclusive; None where nothing was
            committed yet.
        chosen: The offsets are the ends of inputs that were never committed: they must be
            committed before anything is read, else a later restore would choose later ends.
        inventory: Which records the state topic has.
        topic_ids: The ids of the inputs, where Kafka tells them.
        position: What the state says of itself; None where nothing was written yet.
        checksum: Of the entries without model and position; None where it is not known.
        views: What of it is ready; see ``State``.
        next_offset: Of the state partition, after the last record that was read.
        records_read: How many had to be read; few where the state was followed.
    """

    entries: Store | dict[str, bytes]
    offsets: dict[str, int | None]
    chosen: bool = False
    inventory: Inventory = field(default_factory=Inventory)
    topic_ids: Mapping[str, str] = field(default_factory=dict)
    position: Position | None = None
    checksum: Checksum | None = None
    views: Mapping[str, View] = field(default_factory=dict)
    next_offset: int = 0
    records_read: int = 0

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
        new_store: Makes an empty store.
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
        new_store: Callable[[], Store] = MemoryStore,
    ) -> None:
        self._consumer = Consumer(dict(consumer))
        self.asking = Asking(self._consumer, AdminClient(dict(admin)), timeout)
        self._topics = tuple(topics)
        self._state_topic = state_topic
        self._latest = latest
        self._timeout = timeout
        self._new_store = new_store

    def new_reader(self, partition: int) -> StateReader:
        """One that has read nothing of the state of a partition yet."""
        return StateReader(self._new_store(), f"{self._state_topic}[{partition}]")

    def restore(
        self,
        partitions: Sequence[int],
        ahead: Mapping[int, StateReader] = MappingProxyType({}),
        topics: Mapping[str, Identity | None] | None = None,
    ) -> dict[int, Restored]:
        """The states of ``partitions``, each at its committed offset.

        1. the committed offsets, stable; 2. the end of the state, read uncommitted;
        3. the state, read committed, past that end; 4. it must be what its position names, of
        these input topics, and its offset must be the committed one.

        Args:
            partitions: Of the inputs.
            ahead: Readers that have read up to somewhere already, by partition. They save time,
                and are trusted with nothing: what does not fit is read again from its beginning.
            topics: The inputs as they are now; they are asked for unless given.

        Raises:
            RestoreRefused: when the state is damaged, or of another topic or offset.
            PartitionMoved: when another worker commits at the same time.
            RestoreStopped: after ``stop``.
            RestoreTimeout: when there is no progress for ``timeout`` seconds.
        """
        if not partitions:
            return {}
        # 1. the committed offsets: read_committed makes librdkafka ask for stable ones
        committed = self.asking.committed(self._topics, partitions)
        # 2. the end, read uncommitted: a transaction's marker may still be under way
        ends = self.asking.ends(self._state_topic, partitions, IsolationLevel.READ_UNCOMMITTED)
        readers = {p: self._reader(p, ahead.get(p), ends[p]) for p in partitions}
        try:
            # 3. the state, past that end
            read = self.read(ends, readers)
            # 4. all must agree
            now = self.asking.topics(self._topics) if topics is None else topics
            restored: dict[int, Restored] = {}
            for p, reader in readers.items():
                try:
                    found = self._restored(p, reader, committed[p], now)
                    restored[p] = replace(found, records_read=read[p])
                except RestoreRefused as error:
                    if reader is not ahead.get(p):
                        raise
                    log.warning("what was followed is thrown away, and restored anew: %s", error)
                    reader.store.close()
                    restored |= self.restore([p], topics=now)
            return restored | (self._begin_at_end(restored) if self._latest else {})
        except BaseException:
            for reader in readers.values():
                reader.store.close()
            raise

    def read(self, ends: Mapping[int, int], readers: Mapping[int, StateReader]) -> dict[int, int]:
        """Feed each reader up to the end of its partition; see ``read_until``."""
        self.asking.find_leaders(self._state_topic)
        return read_until(
            self._consumer, self._state_topic, ends, readers, self._timeout, self.asking.check
        )

    def outputs(self, pipeline: Pipeline) -> OutputReader:
        """Reads the outputs of the pipeline, with the same clients."""
        events = pipeline.events.topic
        return OutputReader(self._consumer, self.asking, events, sources(pipeline))

    def all_read(self, offsets: Mapping[TP, int | None]) -> bool:
        """Whether the inputs hold nothing from these offsets on, nor a transaction for them.

        False also where Kafka does not tell in time.
        """
        return nothing_from(self._consumer, self.asking, self._topics, offsets)

    def stop(self) -> None:
        """End a restore that is under way; called by any thread."""
        self.asking.stop()

    def close(self) -> None:
        """Close the clients."""
        self._consumer.close()

    def _reader(self, partition: int, ahead: StateReader | None, end: int) -> StateReader:
        """One to go on with; a new one where the topic is not the one that was followed."""
        if ahead is not None and ahead.next_offset <= end:
            return ahead
        if ahead is not None:
            ahead.store.close()
        return self.new_reader(partition)

    def _restored(
        self,
        partition: int,
        reader: StateReader,
        committed: dict[str, int | None],
        topics: Mapping[str, Identity | None],
    ) -> Restored:
        found = checked(reader)
        if found.flaws:
            damage = StateDamaged(reader.place, found.flaws)
            if found.older:
                raise RestoreRefused(str(damage))
            raise RestoreRefused(f"the state is damaged: {damage}. {COMMANDS}")
        self._require_same_topics(partition, found, topics)
        self._require_same_offset(partition, found, committed)
        store, views = unwrapped(reader.store)
        return Restored(
            store,
            committed,
            inventory=reader.inventory,
            topic_ids={t: now.id for t in self._topics if (now := topics.get(t)) and now.id},
            position=found.position,
            checksum=found.checksum,
            views=views,
            next_offset=reader.next_offset,
        )

    def _require_same_topics(
        self, partition: int, found: Found, topics: Mapping[str, Identity | None]
    ) -> None:
        if found.position is None or not (lines := another_topic(found.position, topics)):
            return
        raise RestoreRefused(
            f"{self._state_topic}[{partition}]: {'; '.join(lines)}. The state is whole, as of"
            f" {_offsets(found.position.offsets)} of the topic that is gone. {COMMANDS}"
        )

    def _require_same_offset(
        self, partition: int, found: Found, committed: Mapping[str, int | None]
    ) -> None:
        own = found.position.offsets if found.position else {}
        wrong = [t for t in self._topics if own.get(t) != committed[t]]
        if not wrong:
            return
        topic = wrong[0]
        if self.asking.committed(self._topics, [partition])[partition] != committed:
            raise PartitionMoved(
                f"{topic}[{partition}]: another worker has it; this one was away too long"
            )
        raise RestoreRefused(
            f"{topic}[{partition}]: the state has learned up to offset {_said(own.get(topic))},"
            f" but the group's committed offset is {_said(committed[topic])}. They are always"
            f" written together, so somebody moved one of them, or a transaction was torn."
            f" {_whole(found)}. {COMMANDS}"
        )

    def _begin_at_end(self, restored: Mapping[int, Restored]) -> dict[int, Restored]:
        new = [p for p, state in restored.items() if not any(_known(state.offsets.values()))]
        ends: dict[int, dict[str, int | None]] = {p: {} for p in new}
        for topic in self._topics:
            for p, end in self.asking.ends(topic, new, IsolationLevel.READ_COMMITTED).items():
                ends[p][topic] = end
        return {p: replace(restored[p], offsets=ends[p], chosen=True) for p in new}


def _known(offsets: Iterable[int | None]) -> Iterator[bool]:
    return (offset is not None for offset in offsets)


def _said(offset: int | None) -> str:
    return "none" if offset is None else str(offset)


def _offsets(offsets: Mapping[str, int]) -> str:
    return " and ".join(f"{topic} offset {offset}" for topic, offset in offsets.items())


def _whole(found: Found) -> str:
    if found.position is None:
        return "The state topic has nothing of this partition: its state is gone"
    return f"The state is whole, as of {_offsets(found.position.offsets)}"
