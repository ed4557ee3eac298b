"""Follows states, so that taking one over reads only what was written last."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from agents.store import MemoryStore, Store
from agents.views import NewView, View
from app.kafka.partitions import TP
from app.worker.state.followed import FollowedStore
from app.worker.state.reader import StateReader

log = logging.getLogger("riverrun.worker")

POLL_SECONDS = 0.25
AT_ONCE = 2000
"""Records that are applied before the states can be taken."""
_FREED = 10_000


class Standby:
    """Follows states of other workers, and keeps those of this one over a rebalance.

    1. **Which.** After each rebalance ``Neighbours`` tells which partitions this worker would
       get if ``worker.standbys`` others left. Of these it follows all that it does not own.
    2. **Follow.** A consumer outside of the group reads the state topics, committed records
       only, from the beginning, on a thread of its own. A ``StateReader`` applies each record,
       as a restore does. Beside the store the checksum is kept up to date, and the views: what
       an agent would have to gather from all entries when it is made.
    3. **Take over.** A restore takes the readers of its partitions. It asks for the committed
       offsets and the end of the state, reads on from where the reader stands past that end,
       and compares, as without a standby. So what was followed decides nothing: if it does not
       fit (a record was compacted away before it was read, the topic is another one), it is
       thrown away and the state is read from its beginning.
    4. **Give back.** Before partitions go, what was processed is committed. Then a state is
       just what Kafka has up to the last record that this worker wrote, at an offset that the
       broker told: it is followed from there. A state with changes that were not committed is
       closed, as it is after an aborted transaction.
    5. **Keep.** What was given back stays until the next look at the group: partitions that
       come back are taken as in step 3, others stay followed or are let go by step 1.

    Each followed state has a store of its own, which goes with
    it from hand to hand and is used by one thread at a time.

    Args:
        consumer: librdkafka's settings, reading committed records and reporting ends.
        views: By state topic and prefix, what agents need at hand.
        new_store: Makes an empty store.
    """

    def __init__(
        self,
        consumer: Mapping[str, Any],
        views: Mapping[str, Mapping[str, NewView]],
        new_store: Callable[[], Store],
    ) -> None:
        self._settings = dict(consumer)
        self._views = views
        self._new_store = new_store
        self._lock = threading.Lock()
        self._readers: dict[TP, StateReader] = {}
        self._assigned: dict[TP, StateReader] = {}
        self._owned: frozenset[TP] = frozenset()
        self._behind: set[TP] = set()
        self._let_go: list[StateReader] = []
        self._changed = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="standby", daemon=True)
        self._started = False

    def follow(self, partitions: Collection[int]) -> None:
        """Follow the states of these partitions, as far as they are not owned, and no others."""
        with self._lock:
            wanted = {TP(topic, p) for topic in self._views for p in partitions}
            wanted -= self._owned
            for tp in self._readers.keys() - wanted:
                self._let_go.append(self._readers.pop(tp))
            for tp in wanted - self._readers.keys():
                self._begin(tp)
            self._behind &= self._readers.keys()
        self._wake()

    def own(self, states: Collection[TP]) -> None:
        """These states, and no others, are this worker's from now on; it takes them next."""
        with self._lock:
            self._owned = frozenset(states)

    def take(self, topic: str, partitions: Sequence[int]) -> dict[int, StateReader]:
        """What was followed of these partitions."""
        with self._lock:
            found = {p: self._readers.pop(TP(topic, p), None) for p in partitions}
        self._wake()
        return {p: reader for p, reader in found.items() if reader is not None}

    def give(self, topic: str, partition: int, reader: StateReader) -> None:
        """Go on with a state that was this worker's.

        Args:
            topic: The state topic.
            partition: Of it.
            reader: Stands behind the last record that was written.
        """
        if topic not in self._views:
            reader.store.close()
            return
        with self._lock:
            self._readers[TP(topic, partition)] = reader
            self._owned -= {TP(topic, partition)}
        self._wake()

    def reader(
        self, topic: str, partition: int, store: Store, views: Mapping[str, View]
    ) -> StateReader:
        """One for a state, or for what is to become one."""
        return StateReader(FollowedStore(store, views), f"{topic}[{partition}]")

    def behind(self) -> list[TP]:
        """What is followed and was never read to its end yet."""
        with self._lock:
            return sorted(self._behind)

    def next_offset(self, topic: str, partition: int) -> int:
        """Up to where a state was read, exclusive; 0 where it is not followed."""
        with self._lock:
            reader = self._readers.get(TP(topic, partition))
            return 0 if reader is None else reader.next_offset

    def stop(self) -> None:
        """Follow nothing any more, soon."""
        self._stopped.set()
        self._changed.set()

    def close(self) -> None:
        """Stop, and let go of all states."""
        self.stop()
        if self._thread.is_alive():
            self._thread.join()
        for reader in [*self._readers.values(), *self._let_go]:
            reader.store.close()

    def _begin(self, tp: TP) -> None:
        store = self._new_store()
        views = {prefix: new(store.get) for prefix, new in self._views[tp.topic].items()}
        self._readers[tp] = self.reader(*tp, store, views)
        self._behind.add(tp)

    def _wake(self) -> None:
        self._changed.set()
        with self._lock:  # a thread that was started is not alive at once
            if self._started or self._stopped.is_set():
                return
            self._started = True
        self._thread.start()

    # The thread.

    def _run(self) -> None:
        consumer = Consumer(self._settings)
        assigned = False
        while not self._stopped.is_set():
            try:
                if self._changed.is_set():
                    self._changed.clear()
                    self._free()
                    assigned = self._assign(consumer)
                if assigned:
                    self._follow(consumer)
                else:
                    self._changed.wait(POLL_SECONDS)
            except KafkaException as error:
                log.warning("states are not followed at this moment: %s", error.args[0].str())
                self._changed.set()
                self._stopped.wait(1.0)
        consumer.close()

    def _assign(self, consumer: Consumer) -> bool:
        with self._lock:
            self._assigned = dict(self._readers)
            places = [
                TopicPartition(*tp, reader.next_offset or OFFSET_BEGINNING)
                for tp, reader in self._assigned.items()
            ]
        for topic in {place.topic for place in places}:
            consumer.list_topics(topic, 5.0)  # else it may take a second to find the leader
        consumer.assign(places)
        return bool(places)

    def _follow(self, consumer: Consumer) -> None:
        first = consumer.poll(POLL_SECONDS)
        if first is None:
            return
        messages = [first, *consumer.consume(AT_ONCE, 0)]
        with self._lock:
            for message in messages:
                self._take_in(message)

    def _take_in(self, message: Any) -> None:
        tp, error = TP(message.topic(), message.partition()), message.error()
        reader = self._readers.get(tp)
        # One that was given back, and that this assignment does not read from where it stands,
        # would miss something.
        if reader is None or reader is not self._assigned.get(tp):
            return
        if error is None:
            if message.offset() >= reader.next_offset:
                self._apply(tp, reader, message)
        elif error.code() == KafkaError._PARTITION_EOF:
            if tp in self._behind:
                self._behind.discard(tp)
                _ = reader.checksum  # from now on it is kept up to date
        elif error.code() == KafkaError._AUTO_OFFSET_RESET:
            self._again(tp, reader)  # the topic does not reach to where it was read

    def _apply(self, tp: TP, reader: StateReader, message: Any) -> None:
        try:
            reader.apply(message.key(), message.value(), message.offset())
        except Exception as error:
            # The restore will say so, with its place, if it is not mended before.
            log.warning("%s@%d: is followed no more: %s", tp, message.offset(), error)
            self._let_go.append(self._readers.pop(tp))
            self._behind.discard(tp)
            self._changed.set()

    def _again(self, tp: TP, reader: StateReader) -> None:
        self._let_go.append(reader)
        self._begin(tp)
        self._changed.set()

    def _free(self) -> None:
        with self._lock:
            gone, self._let_go = self._let_go, []
        for reader in gone:
            close_slowly(reader.store)


def close_slowly(store: Store) -> None:
    """Let go of a store piece by piece: to free millions of values at once takes the interpreter
    a second, in which it scores nothing."""
    inner = store.store if isinstance(store, FollowedStore) else store
    for leaf in inner.leaves() if isinstance(inner, MemoryStore) else ():
        while leaf:
            for _ in range(min(_FREED, len(leaf))):
                leaf.popitem()
            time.sleep(0.001)
    store.close()
