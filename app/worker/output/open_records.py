"""Records of a past transaction that Kafka takes for ended, and never ended where they lie.

A broker that runs out of disk may lose the marker that ends a transaction on one partition, and
when it starts again its coordinator has the transaction as done. The records stay open there. The
next marker of the same producer ends them, too: a commit would make them visible, beside the
predictions of the same events that are made anew. So a producer ends them by an abort, before it
commits anything.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from confluent_kafka import IsolationLevel
from confluent_kafka.admin import AdminClient, OffsetSpec

from app.kafka.asking import ask_again
from app.kafka.identity import identities
from app.kafka.offsets import current_offsets
from app.kafka.partitions import TP

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
        topics = ask_again(partial(identities, admin, self._topics, SECONDS), ANSWER_SECONDS)
        return {
            TP(topic, number): offset
            for topic, there in topics.items()
            if there is not None
            for number, offset in _open(admin, topic, range(there.partitions)).items()
        }


def _open(admin: AdminClient, topic: str, partitions: Sequence[int]) -> dict[int, int]:
    deadline = time.monotonic() + SECONDS

    def ends(isolation: IsolationLevel) -> dict[int, int]:
        asked = admin, topic, partitions, OffsetSpec.latest(), isolation, SECONDS
        return ask_again(partial(current_offsets, *asked), ANSWER_SECONDS)

    written = ends(IsolationLevel.READ_UNCOMMITTED)
    while True:
        # The last stable offset: all before it has ended.
        stable = ends(IsolationLevel.READ_COMMITTED)
        found = {
            number: stable[number] for number in partitions if stable[number] < written[number]
        }
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(_LOOK_AGAIN)
