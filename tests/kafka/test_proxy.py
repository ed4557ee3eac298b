"""The proxy does what it says, to real clients of a real broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaException, Producer

from app.local_kafka import LocalKafka
from tests.kafka.clusters import proxied_kafka
from tests.kafka.faults import (
    CutAfter,
    CutBefore,
    Delay,
    Fault,
    HalfOpen,
    Hold,
    LateAnswer,
    LoseAnswer,
    Once,
    Seeded,
    no_fault,
)
from tests.kafka.proxy import Proxy
from tests.kafka.support import create_topic, read_committed
from tests.kafka.wire import OF_A_COMMIT, Api, Request, error_of_end_txn


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalKafka, Proxy]]:
    with proxied_kafka(tmp_path_factory.mktemp("proxied")) as made:
        yield made


@pytest.fixture
def proxy(both: tuple[LocalKafka, Proxy]) -> Iterator[Proxy]:
    yield both[1]
    both[1].choose = no_fault


class Writer:
    """A transactional producer behind the proxy, and a topic."""

    def __init__(self, proxy: Proxy, topic: str) -> None:
        create_topic(proxy.bootstrap, topic)
        self.topic = topic
        self.producer = Producer(
            {
                "bootstrap.servers": proxy.bootstrap,
                "transactional.id": topic,
                "socket.timeout.ms": 2000,
                "transaction.timeout.ms": 20000,
                "log_level": 0,
            }
        )
        self.producer.init_transactions(30)

    def begin(self, value: bytes) -> None:
        self.producer.begin_transaction()
        self.producer.produce(self.topic, value)
        self.producer.flush(30)

    def end(self) -> None:
        self.producer.commit_transaction(30)


def values(bootstrap: str, topic: str) -> list[bytes]:
    return [record.value() or b"" for record in read_committed(bootstrap, topic)]


@pytest.mark.parametrize(
    "fault",
    [Delay(0.2), CutBefore(), CutAfter(), LoseAnswer(), LateAnswer(0.2), HalfOpen()],
    ids=str,
)
def test_librdkafka_gets_over_each_fault_of_one_request(
    both: tuple[LocalKafka, Proxy], proxy: Proxy, topic_name: str, fault: Fault
) -> None:
    writer = Writer(proxy, topic_name)
    proxy.choose = once = Once(Api.ADD_PARTITIONS_TO_TXN, fault)
    writer.begin(b"one")
    writer.end()
    assert once.done
    assert "ADD_PARTITIONS_TO_TXN#" in proxy.done[-1]
    assert values(both[0].bootstrap, topic_name) == [b"one"]


def test_a_request_that_was_held_back_comes_in_the_middle_of_the_next_transaction(
    both: tuple[LocalKafka, Proxy], proxy: Proxy, topic_name: str
) -> None:
    writer = Writer(proxy, topic_name)
    proxy.choose = Once(Api.END_TXN, Hold(before=Api.END_TXN, count=2))
    writer.begin(b"one")
    writer.end()
    assert proxy.count["END_TXN"] >= 2, "it is sent again"
    proxy.late.clear()
    writer.begin(b"two")
    assert values(both[0].bootstrap, topic_name) == [b"one"]
    proxy.deliver()
    ((request, answer),) = proxy.late
    assert error_of_end_txn(request, answer) == 0
    assert values(both[0].bootstrap, topic_name) == [b"one", b"two"], "nobody committed this"


def test_who_is_cut_off_and_refused_comes_back_when_it_may(proxy: Proxy, topic_name: str) -> None:
    writer = Writer(proxy, topic_name)
    proxy.refuse = True
    proxy.cut()
    with pytest.raises(KafkaException):
        writer.producer.list_topics(timeout=1)
    proxy.refuse = False
    assert writer.producer.list_topics(timeout=30).topics


def test_what_is_chosen_depends_on_the_seed_and_on_the_number_of_a_request_alone() -> None:
    requests = [Request(api, n, "", 0, n, b"") for n in range(200) for api in OF_A_COMMIT]
    shares = dict.fromkeys(OF_A_COMMIT, 0.3)
    faults: list[Fault] = [CutBefore(), CutAfter(), Delay(1.0)]
    first, again, other = (Seeded(seed, shares, faults) for seed in (1, 1, 2))
    said = {(r.api, r.number): first(r) for r in requests}
    assert said == {(r.api, r.number): again(r) for r in reversed(requests)}
    assert said != {(r.api, r.number): other(r) for r in requests}
    assert {fault for fault in said.values() if fault} == set(faults)
    assert 0.25 < sum(fault is not None for fault in said.values()) / len(said) < 0.35
