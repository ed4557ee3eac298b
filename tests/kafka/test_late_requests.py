"""A request of a commit that reaches the broker late does nothing to the transaction after it.

RIVERRUN_LATE_ENDS says how many ends of transactions are late, RIVERRUN_CHAOS_SEED repeats a run.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer

from app.kafka.settings import KafkaSettings
from app.local_kafka import LocalKafka
from app.worker.output.transactions import TransactionAborted, new_transactions
from tests.kafka import running
from tests.kafka.clusters import proxied_kafka
from tests.kafka.faults import Hold, Once, no_fault
from tests.kafka.proxy import Proxy
from tests.kafka.running import Stream, stream
from tests.kafka.support import read_committed
from tests.kafka.test_fences import change, member
from tests.kafka.wire import OF_A_COMMIT, Api, error_of_end_txn

LEARNER = {"type": "passive_aggressive"}
LATE_ENDS = int(os.environ.get("RIVERRUN_LATE_ENDS", "12"))
SEED = int(os.environ.get("RIVERRUN_CHAOS_SEED", random.randrange(10**6)))
FENCED = {47, 90}
"""INVALID_PRODUCER_EPOCH and PRODUCER_FENCED."""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalKafka, Proxy]]:
    with proxied_kafka(tmp_path_factory.mktemp("proxied")) as made:
        yield made


@pytest.fixture
def proxy(both: tuple[LocalKafka, Proxy]) -> Iterator[Proxy]:
    proxy = both[1]
    proxy.late.clear()
    yield proxy
    proxy.choose = no_fault
    proxy.deliver()


@pytest.fixture
def here(both: tuple[LocalKafka, Proxy], tmp_path: Path, topic_name: str) -> Stream:
    return stream(both[0].bootstrap, tmp_path, topic_name, LEARNER)


class Pairs:
    """Commits in pairs: the first one's end is late, and comes in the middle of the second.

    Every commit is one prediction and moves the state and the offset by one.
    """

    def __init__(self, here: Stream, proxy: Proxy, seed: int) -> None:
        self._here, self._proxy, self._draw = here, proxy, random.Random(seed)
        kafka = KafkaSettings(proxy.bootstrap, {})
        self.worker = new_transactions(here.pipeline, kafka, "a")
        self.worker.start()
        left = member(here)
        self._stale = left.consumer_group_metadata()
        left.close()
        self.member: Consumer = member(here)
        self.done = 0

    def one(self) -> None:
        """Two commits, each of which may be refused for its group and is rolled back then."""
        before = self._draw.choice([Api.INIT_PRODUCER_ID, *OF_A_COMMIT])
        count = self._draw.choice([1, 2]) + (before is Api.END_TXN)
        self._proxy.choose = Once(Api.END_TXN, Hold(before, count))
        self._commit(refused=self._draw.random() < 0.3)
        self._commit(refused=self._draw.random() < 0.5)
        self._proxy.choose = no_fault
        self._proxy.deliver()

    def _commit(self, *, refused: bool) -> None:
        group = self._stale if refused else self.member.consumer_group_metadata()
        try:
            self.worker.commit([change(self._here, self.done + 1)], group)
        except TransactionAborted:
            assert refused
        else:
            assert not refused
            self.done += 1

    def check(self, restored: Any) -> None:
        """Offsets, state and predictions are equally far."""
        topic = self._here.pipeline.events.topic
        assert restored.restore([0])[0].offsets == {topic: self.done or None}
        said = read_committed(self._here.bootstrap, self._here.pipeline.predictions.topic)
        assert len(said) == self.done, "predictions without their offsets, or without predictions"


def play(here: Stream, proxy: Proxy, count: int) -> None:
    print(f"RIVERRUN_CHAOS_SEED={SEED}")
    pairs = Pairs(here, proxy, SEED)
    with closing(running.restorer(here.pipeline, here.kafka)) as restorer:
        for _ in range(count):
            pairs.one()
            pairs.check(restorer)
    pairs.member.close()
    said = [error_of_end_txn(*late) for late in proxy.late]
    print(f"{len(said)} late requests; Kafka said {sorted(said)}; {pairs.worker.renewals} renewals")
    assert len(said) == count
    assert FENCED & set(said)


@pytest.mark.long
@pytest.mark.timeout(300 + 10 * LATE_ENDS)
def test_an_end_of_a_transaction_that_is_late_ends_no_other(here: Stream, proxy: Proxy) -> None:
    play(here, proxy, LATE_ENDS)


def test_where_nothing_was_lost_the_producer_stays(here: Stream, proxy: Proxy) -> None:
    pairs = Pairs(here, proxy, 0)
    for _ in range(5):
        pairs._commit(refused=False)
    assert pairs.worker.renewals == 0
    pairs.member.close()
