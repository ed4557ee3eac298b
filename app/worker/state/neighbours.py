"""The other workers of the group: who is gone, and whose partitions would come here."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from confluent_kafka import ConsumerGroupState, KafkaException, Producer
from confluent_kafka.admin import AdminClient

log = logging.getLogger("riverrun.worker")

LOOK_SECONDS = 0.05
"""Between two looks at a group that rebalances."""
AGAIN_SECONDS = 1.0
"""After Kafka did not say who is in the group."""
ANSWER_SECONDS = 5.0
FENCE_SECONDS = 10.0


def would_get(place: int, members: int, partitions: int, standbys: int) -> frozenset[int]:
    """The partitions that a member would get if up to ``standbys`` others left.

    Kafka's range assignor gives each member, in the order of their ids, the next share of the
    partitions. So every partition has that many workers, besides its own, that would be the next.

    Args:
        place: Of this member among all, from 0.
        members: How many there are.
        partitions: Of each topic.
        standbys: How many may leave at the same time.

    >>> sorted(would_get(0, 3, 6, 0)), sorted(would_get(0, 3, 6, 1))
    ([0, 1], [0, 1, 2])
    >>> sorted(would_get(1, 2, 4, 1))
    [0, 1, 2, 3]
    """
    found: set[int] = set()
    for gone in range(min(standbys, members - 1) + 1):
        behind = members - 1 - place
        for before in range(max(0, gone - behind), min(place, gone) + 1):
            found.update(_share(place - before, members - gone, partitions))
    return frozenset(found)


def _share(place: int, members: int, partitions: int) -> range:
    """The range assignor: the first ones get one more where the division leaves a rest."""
    each, rest = divmod(partitions, members)
    start = place * each + min(place, rest)
    return range(start, start + each + (place < rest))


class Group(Protocol):
    """The consumer group."""

    def names(self) -> Sequence[str] | None:
        """The client ids of all members, in the order of the assignor; None in a rebalance."""


class KafkaGroup:
    """A consumer group on Kafka.

    Args:
        admin: librdkafka's settings of an admin client.
        group: Its id.
    """

    def __init__(self, admin: Mapping[str, Any], group: str) -> None:
        self._admin = AdminClient(dict(admin))
        self._group = group

    def names(self) -> Sequence[str] | None:
        """See ``Group``."""
        asked = self._admin.describe_consumer_groups([self._group], request_timeout=ANSWER_SECONDS)
        found = asked[self._group].result()
        if found.state in (ConsumerGroupState.EMPTY, ConsumerGroupState.DEAD):
            return []
        if found.state != ConsumerGroupState.STABLE:
            return None
        members = sorted(found.members, key=lambda m: (m.group_instance_id or m.member_id).encode())
        return [member.client_id for member in members]


class Neighbours:
    """Looks at the group after each rebalance, on a thread of its own.

    1. Who is in the group? A worker's client id is its transactional id.
    2. Who was in it and is not: if it was killed in the middle of a transaction, nobody could
       read beyond that until ``worker.transaction_timeout``. A new producer under its
       transactional id rolls it back at once. Who only lost its session is fenced by that.
    3. What would come here if others left: that is followed.

    Args:
        group: To look at.
        name: This worker's client id.
        family: How the client ids of all workers of the pipeline begin.
        fence: Rolls back the open transaction of a transactional id.
        follow: Takes the partitions to follow.
        partitions: Of each input.
        standbys: How many others may leave at the same time.
    """

    def __init__(
        self,
        group: Group,
        name: str,
        family: str,
        *,
        fence: Callable[[str], None],
        follow: Callable[[frozenset[int]], None],
        partitions: int,
        standbys: int,
    ) -> None:
        self._group = group
        self._name = name
        self._family = family
        self._fence = fence
        self._follow = follow
        self._partitions = partitions
        self._standbys = standbys
        self._before: frozenset[str] = frozenset()
        self._one_at_a_time = threading.Lock()
        self._closed = threading.Event()
        self._rebalances = 0

    def assigned(self) -> None:
        """The group has given this worker its partitions: look at it."""
        if self._closed.is_set():
            return
        self._rebalances += 1
        # A daemon: where Kafka does not answer, it must not hold up the end of the process.
        look = threading.Thread(target=self._look, args=(self._rebalances,), daemon=True)
        look.start()

    def before_joining(self) -> bool:
        """Follow what this worker will get when it joins; whether others have it until then."""
        try:
            found = self._group.names()
            while found is None and not self._closed.wait(LOOK_SECONDS):
                found = self._group.names()
        except KafkaException:
            return False
        names = [name for name in found or () if name != self._name]
        if names and not self._before:
            place = sum(name < self._name for name in names)
            self._before = frozenset(names)
            self._follow(would_get(place, len(names) + 1, self._partitions, self._standbys))
        return bool(names)

    def close(self) -> None:
        """Look no more."""
        self._closed.set()

    def _look(self, rebalance: int) -> None:
        names: Sequence[str] = ()
        while self._name not in names:
            if self._closed.is_set() or rebalance != self._rebalances:
                return
            try:
                names = self._group.names() or ()
                pause = LOOK_SECONDS
            except KafkaException as error:
                log.warning("the group could not be described: %s", error.args[0].str())
                pause = AGAIN_SECONDS
            if self._name not in names:
                self._closed.wait(pause)
        with self._one_at_a_time:
            if rebalance != self._rebalances:
                return
            self._fence_gone(frozenset(names))
            place = names.index(self._name)
            self._follow(would_get(place, len(names), self._partitions, self._standbys))

    def _fence_gone(self, names: frozenset[str]) -> None:
        gone = sorted(name for name in self._before - names if name.startswith(self._family))
        self._before = names
        for name in gone:
            try:
                self._fence(name)
            except KafkaException as error:
                reason = error.args[0].str()
                log.warning("an open transaction of %s may hold up readers: %s", name, reason)


def fence(settings: Mapping[str, Any]) -> None:
    """Roll back what is open under a transactional id; whoever has it can commit no more.

    Args:
        settings: librdkafka's, of a producer with that id.

    Raises:
        KafkaException: when Kafka does not do it in time.
    """
    Producer(dict(settings)).init_transactions(FENCE_SECONDS)
