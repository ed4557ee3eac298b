"""Deletes what later stages have read: the topics between two stages stay small."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

log = logging.getLogger("riverrun.worker")

REQUEST_SECONDS = 10.0


class Purger:
    """Deletes the records below committed offsets; where that fails, retention does it later.

    Args:
        admin: librdkafka's settings of an admin client.
        topics: Those between two stages: nobody else reads them.
    """

    def __init__(self, admin: Mapping[str, Any], topics: Sequence[str]) -> None:
        self._admin = AdminClient(dict(admin)) if topics else None
        self._topics = frozenset(topics)
        self._done: dict[tuple[str, int], int] = {}
        self._asked: list[Future[Any]] = []
        self._warned = False

    def purge(self, committed: Mapping[tuple[str, int], int]) -> None:
        """Ask for the deletion, and go on; a call while the last one is under way does nothing.

        Args:
            committed: By topic and partition, the offset that the next read begins at.
        """
        if self._admin is None or not all(future.done() for future in self._asked):
            return
        self._look_back()
        due = {
            at: offset
            for at, offset in committed.items()
            if at[0] in self._topics and offset > self._done.get(at, 0)
        }
        if due:
            asked = [TopicPartition(*at, offset) for at, offset in due.items()]
            answers = self._admin.delete_records(asked, request_timeout=REQUEST_SECONDS)
            self._asked = list(answers.values())
            self._done |= due

    def _look_back(self) -> None:
        errors = [error for future in self._asked if (error := future.exception()) is not None]
        if errors and not self._warned:
            self._warned = True
            log.warning(
                "what was read between two stages is not deleted, only by its retention: %s",
                errors[0],
            )
