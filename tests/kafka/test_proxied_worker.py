"""Whatever happens to the requests of a commit: nothing is lost, doubled, torn or stuck.

RIVERRUN_PROXIED_SLICES says how long the faults at random go on, RIVERRUN_PROXIED_FAULTS how many
pairs of a kind of request and a fault are tried by themselves (there are 54), RIVERRUN_CHAOS_SEED
repeats a run.
"""

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
SLOW: list[Fault] = [LoseAnswer(), HalfOpen()]
ALL = (Api.INIT_PRODUCER_ID, *OF_A_COMMIT, Api.FETCH, Api.HEARTBEAT)


PAIRS = [(a, f) for a in (Api.INIT_PRODUCER_ID, *OF_A_COMMIT) for f in (*QUICK, *SLOW)]
SLICES = int(os.environ.get("RIVERRUN_PROXIED_SLICES", "4"))
FAULTS = int(os.environ.get("RIVERRUN_PROXIED_FAULTS", "0"))
SEED = int(os.environ.get("RIVERRUN_CHAOS_SEED", random.randrange(10**6)))


@pytest.mark.long
@pytest.mark.timeout(200 + 30 * SLICES)
def test_faults_of_all_requests_at_random_change_nothing(here: Stream, proxy: Proxy) -> None:
    print(f"RIVERRUN_CHAOS_SEED={SEED}")
    proxy.choose = Seeded(SEED, dict.fromkeys(ALL, 0.05), QUICK)
    play(here, proxy, SLICES)
    print("\n".join(proxy.done))


@pytest.mark.parametrize(
    ("api", "fault"),
    [(Api.END_TXN, LoseAnswer()), *random.Random(SEED).sample(PAIRS, FAULTS)],
    ids=str,
)
def test_one_fault_of_one_kind_of_request_changes_nothing(
    here: Stream, proxy: Proxy, api: Api, fault: Fault
) -> None:
    proxy.choose = once = Once(api, fault, skip=0 if api is Api.INIT_PRODUCER_ID else 2)
    play(here, proxy, 3)
    assert once.done
