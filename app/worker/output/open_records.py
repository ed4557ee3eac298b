"""Records of a past transaction that Kafka takes for ended, and never ended where they lie.

A broker that runs out of disk may lose the marker that ends a transaction on one partition, and
when it starts again its coordinator has the transaction as done. The records stay open there. The
next marker of the same producer ends them, too: a commit would make them visible, beside the
predictions of the same events that are made anew. So a producer ends them by an abort, before it
commits anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from app.kafka.identity import identities
from app.kafka.offsets import list_offsets
from app.kafka.partitions import TP

T = TypeVar("T")

SECONDS = 2.0
"""How long what is open may take to end by itself: another worker's transaction does."""
ANSWER_SECONDS = 30.0
"""How long Kafka may take to tell, where a broker starts again."""
_LOOK_AGAIN = 0.05


class OpenRecords:
    """Looks for records that no transaction ends.

    Args:
        admin: librdkafka's settings of an admin client.
        topics: All that is written to.
    """

    def __init__(self, admin: Mapping[str, Any], topics: Collection[str]) -> None:
        self._settings = dict(admin)
        self._topics = topics

    def places(self) -> dict[TP, int]:
        """Where something is open and stays so, and the offset of the first such record.

        Raises:
            KafkaException: when Kafka does not tell in time.
        """
        admin = AdminClient(self._settings)
        topics = _answer(partial(identities, admin, self._topics, SECONDS))
        found: dict[TP, int] = {}
        for topic, there in topics.items():
            if there is not None:
                places = [TP(topic, number) for number in range(there.partitions)]
                found |= _open(admin, places, time.monotonic() + SECONDS)
        return found


def _open(admin: AdminClient, places: Sequence[TP], deadline: float) -> dict[TP, int]:
    ends = _ends(admin, places, IsolationLevel.READ_UNCOMMITTED)
    while True:
        # The last stable offset: all before it has ended.
        stable = _ends(admin, places, IsolationLevel.READ_COMMITTED)
        found = {place: stable[place] for place in places if stable[place] < ends[place]}
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(_LOOK_AGAIN)


def _ends(admin: AdminClient, places: Sequence[TP], isolation: IsolationLevel) -> dict[TP, int]:
    asked = {TopicPartition(*place): OffsetSpec.latest() for place in places}
    found = _answer(partial(list_offsets, admin, asked, isolation, SECONDS))
    return {place: found[place.partition] for place in places}


def _answer(ask: Callable[[], T]) -> T:
    """Ask again while a broker starts."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            return ask()
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_AGAIN)
