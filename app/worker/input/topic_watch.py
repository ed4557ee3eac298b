"""Watches that the topics of a pipeline stay the same ones while its worker runs.

A consumer reads on at its old offset when a topic was deleted and created again, and a producer
times out on a topic that is gone, whatever the error then names. So the worker asks.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from app.errors import RiverrunError
from app.kafka.identity import Identity, identities

log = logging.getLogger("riverrun.worker")

ANSWER_SECONDS = 2.0
"""How long Kafka may take to describe the topics."""
PATIENCE = 2.0
"""Seconds for which a topic must be seen changed: a broker that starts may not know all yet."""
_PAUSE = 0.4


class TopicChanged(RiverrunError):
    """A topic of the pipeline is gone, is another one, or has another size."""


class TopicWatch:
    """Compares the topics with what they were at the first look.

    Args:
        admin: librdkafka's settings of an admin client.
        partitions: How many each topic of the pipeline had when the worker started.
        fixed: Topics that must keep this number: a state belongs to each partition.
    """

    def __init__(
        self, admin: Mapping[str, Any], partitions: Mapping[str, int], fixed: Collection[str]
    ) -> None:
        self._admin = AdminClient(dict(admin))
        self._partitions = dict(partitions)
        self._fixed = frozenset(fixed)
        self._ids: dict[str, str] = {}
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, "watch")
        self._closed = False

    async def change(self) -> TopicChanged | None:
        """What has become of a topic; None where nothing has, or where Kafka does not answer.

        Beside the event loop, and beside the thread that fetches.
        """
        if self._closed:
            return None
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self.require_same)
        except TopicChanged as change:
            return change
        except KafkaException as error:
            log.debug("the topics are not described: %s", error)
        return None

    def close(self) -> None:
        """Look no more."""
        self._closed = True
        self._thread.shutdown(wait=False)

    def require_same(self) -> dict[str, Identity | None]:
        """The topics as they are; one request, where nothing has changed. It blocks.

        Raises:
            TopicChanged: when a topic is gone, another one, or has more partitions.
            KafkaException: when Kafka does not answer.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            found = identities(self._admin, self._partitions, ANSWER_SECONDS)
            change = self._change(found)
            if change is None:
                return found
            if time.monotonic() > deadline:
                raise TopicChanged(change)
            time.sleep(_PAUSE)

    def _change(self, found: Mapping[str, Identity | None]) -> str | None:
        with self._lock:
            for name, topic in found.items():
                if topic is None:
                    return f"topic {name} is gone: somebody deleted it. {self._left(name)}"
                if topic.id is not None and self._ids.setdefault(name, topic.id) != topic.id:
                    return (
                        f"topic {name} is another one than when this worker started: it was"
                        f" deleted and created again. {self._left(name)}"
                    )
                if name in self._fixed and topic.partitions != self._partitions[name]:
                    return _resized(name, self._partitions[name], topic.partitions)
        return None

    def _left(self, name: str) -> str:
        if name in self._fixed:
            return (
                "What was committed before is on the other topics; `riverrun state check"
                " FILE.toml` reports on it"
            )
        return (
            "What was written to it before is lost; state and offsets are whole. A worker that is"
            " started creates it where it is missing"
        )


def _resized(name: str, before: int, now: int) -> str:
    return (
        f"topic {name} has {now} partitions by now, the pipeline was made with {before}: keys go"
        " to other partitions than their state, and Kafka cannot take partitions away. What was"
        " done is committed and whole. Give the pipeline a new name, with outputs (and labels) of"
        " the new size, and replay the history"
    )
