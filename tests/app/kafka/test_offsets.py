"""An offset that no broker names is no offset."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from app.kafka.offsets import list_offsets

ASKED = {TopicPartition("t", n): OffsetSpec.latest() for n in (0, 1)}


class Leaderless:
    """Answers as librdkafka does when the leader of a partition has just gone: with -1001."""

    def __init__(self, offsets: dict[int, int]) -> None:
        self._offsets = offsets

    def list_offsets(self, asked: Any, **_: Any) -> dict[TopicPartition, Future[Any]]:
        answers = {}
        for tp in asked:
            answers[tp] = Future[Any]()
            answers[tp].set_result(SimpleNamespace(offset=self._offsets[tp.partition]))
        return answers


def ask(offsets: dict[int, int]) -> dict[int, int]:
    admin = cast(AdminClient, Leaderless(offsets))
    return list_offsets(admin, ASKED, IsolationLevel.READ_UNCOMMITTED, 1.0)


def test_offsets_are_those_that_brokers_name() -> None:
    assert ask({0: 0, 1: 6}) == {0: 0, 1: 6}


def test_a_partition_of_which_nothing_is_known_is_not_taken_for_an_empty_one() -> None:
    with pytest.raises(KafkaException, match=r"no broker names an offset of the partitions \[0\]"):
        ask({0: -1001, 1: 6})
