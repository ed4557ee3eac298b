"""Whatever happens to the requests of a commit: nothing is lost, doubled, torn or stuck."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

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
from tests.kafka.running import (
    Stream,
    WorkerProcess,
    assert_equal_to_bare_loop,
    stream,
    synthetic,
    workers,
)
from tests.kafka.wire import OF_A_COMMIT, Api

LEARNER = {"type": "passive_aggressive", "C": 0.01, "scale": True}
SHORT = {"worker": {"transaction_timeout": "4s"}}
"""A step that hangs is given up after this and 10 s."""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalKafka, Proxy]]:
    with proxied_kafka(tmp_path_factory.mktemp("proxied")) as made:
        yield made


@pytest.fixture
def proxy(both: tuple[LocalKafka, Proxy]) -> Iterator[Proxy]:
    yield both[1]
    both[1].choose = no_fault
    both[1].deliver()


@pytest.fixture
def here(both: tuple[LocalKafka, Proxy], tmp_path: Path, topic_name: str) -> Stream:
    return stream(both[0].bootstrap, tmp_path, topic_name, LEARNER, 2, **SHORT)


def arrived(here: Stream, worker: WorkerProcess, within: float = 120.0) -> None:
    """Wait for all predictions; a supervisor starts a worker again that has left."""
    deadline = time.monotonic() + within
    while True:
        if worker.process.poll() is not None:
            assert worker.process.returncode == 1
            worker.start()
        try:
            here.predictions(3.0)
            return
        except AssertionError:
            if time.monotonic() > deadline:
                raise


def play(here: Stream, proxy: Proxy, slices: int) -> None:
    """Slices of events, each done before the next one is sent."""
    with workers(replace(here, bootstrap=proxy.bootstrap), "a") as (worker,):
        for number in range(slices):
            for partition in (0, 1):
                here.send(partition, synthetic(2 * number + partition, 60))
            arrived(here, worker)
        proxy.choose = no_fault
        arrived(here, worker)
        assert_equal_to_bare_loop(here, LEARNER)
        if worker.process.poll() is None:
            assert worker.stop() == 0


QUICK: list[Fault] = [
    Delay(0.3),
    CutBefore(),
    CutAfter(),
    LateAnswer(0.3),
    Hold(seconds=0.2),
    Hold(Api.PRODUCE),
    Hold(Api.TXN_OFFSET_COMMIT),
]
ALL = (Api.INIT_PRODUCER_ID, *OF_A_COMMIT, Api.FETCH, Api.HEARTBEAT)


def seed() -> int:
    chosen = int(os.environ.get("RIVERRUN_CHAOS_SEED", random.randrange(10**6)))
    print(f"RIVERRUN_CHAOS_SEED={chosen}")
    return chosen


def test_faults_of_all_requests_at_random_change_nothing(here: Stream, proxy: Proxy) -> None:
    proxy.choose = Seeded(seed(), dict.fromkeys(ALL, 0.05), QUICK)
    play(here, proxy, 4)
    print("\n".join(proxy.done))


@pytest.mark.chaos
@pytest.mark.timeout(1200)
def test_many_faults_of_all_requests_at_random_change_nothing(here: Stream, proxy: Proxy) -> None:
    proxy.choose = Seeded(seed(), dict.fromkeys(ALL, 0.08), QUICK)
    play(here, proxy, 80)
    print("\n".join(proxy.done))


@pytest.mark.chaos
@pytest.mark.parametrize("fault", [*QUICK, LoseAnswer(), HalfOpen()], ids=str)
@pytest.mark.parametrize("api", [Api.INIT_PRODUCER_ID, *OF_A_COMMIT], ids=lambda api: api.name)
def test_one_fault_of_each_kind_of_request_changes_nothing(
    here: Stream, proxy: Proxy, api: Api, fault: Fault
) -> None:
    proxy.choose = once = Once(api, fault, skip=0 if api is Api.INIT_PRODUCER_ID else 3)
    play(here, proxy, 5)
    assert once.done


def test_an_answer_to_the_end_that_never_comes_is_not_waited_for_for_ever(
    here: Stream, proxy: Proxy
) -> None:
    proxy.choose = once = Once(Api.END_TXN, LoseAnswer(), skip=2)
    play(here, proxy, 3)
    assert once.done
