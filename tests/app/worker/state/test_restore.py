"""A restore asks until Kafka answers, until its time is over, or until it is told to stop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from confluent_kafka import KafkaError, KafkaException

from app.kafka.asking import RestoreStopped, RestoreTimeout
from app.worker.state.restore import Restorer

NOWHERE = {"bootstrap.servers": "127.0.0.1:9", "log_level": 0}


@pytest.fixture
def restorer() -> Iterator[Restorer]:
    consumer = {**NOWHERE, "group.id": "p"}
    with closing(Restorer(consumer, NOWHERE, ["cards"], "p.state.v1", timeout=0.3)) as made:
        yield made


class Restarting:
    """A broker that refuses twice, then answers 42."""

    refusals = 2

    def __call__(self) -> int:
        self.refusals -= 1
        if self.refusals >= 0:
            raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE, "no leader"))
        return 42


def test_a_broker_that_refuses_for_a_while_is_asked_again(restorer: Restorer) -> None:
    assert restorer.asking.answer(Restarting(), "the end") == 42


def test_a_broker_that_never_answers_is_told(restorer: Restorer) -> None:
    with pytest.raises(RestoreTimeout, match="the committed offsets of cards did not come"):
        restorer.restore([0])


def test_who_was_told_to_stop_asks_no_more(restorer: Restorer) -> None:
    restorer.stop()
    with pytest.raises(RestoreStopped):
        restorer.restore([0])


def test_no_partitions_need_no_broker(restorer: Restorer) -> None:
    assert restorer.restore([]) == {}
