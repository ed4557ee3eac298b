"""A network between the workers and the broker that delays, cuts, is silent and repeats itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.chaos.parts import part
from tests.chaos.scene import Running, Scene
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
    Seeded,
    no_fault,
)
from tests.kafka.proxy import Proxy
from tests.kafka.wire import OF_A_COMMIT, Api

HARM: Sequence[Fault] = (
    CutBefore(),
    CutAfter(),
    LoseAnswer(),
    Delay(0.3),
    LateAnswer(0.3),
    HalfOpen(),
)
IMPATIENT = '[kafka]\n"socket.timeout.ms" = 2000'
"""A lost answer is missed after two seconds instead of sixty."""


@contextmanager
def behind_proxy(
    scene: Scene, workers: str, *, rich: bool = False
) -> Iterator[tuple[Running, Proxy]]:
    """Workers that reach the broker through a proxy; traffic and watcher do not."""
    with proxied_kafka(scene.folder) as (broker, proxy):
        make = scene.rich if rich else scene.plain
        case = make(bootstrap=broker.bootstrap, more=IMPATIENT)
        with scene.running(case, rate=100.0, through=proxy.bootstrap) as running:
            crew = running.crew
            members = [crew.start(name) for name in workers]
            crew.wait(lambda: any(m.has_partitions() for m in members), "the partitions")
            running.traffic.start()
            yield running, proxy
            proxy.choose = no_fault


def harmed(scene: Scene, workers: str, fault: str, *, rich: bool = False) -> None:
    """Requests of a commit meet every kind of fault, now and then all connections are cut."""
    with behind_proxy(scene, workers, rich=rich) as (running, proxy):
        shares = dict.fromkeys((*OF_A_COMMIT, Api.INIT_PRODUCER_ID), 0.06)
        shares |= {Api.FETCH: 0.002, Api.OFFSET_FETCH: 0.1}
        proxy.choose = Seeded(scene.seed, shares, HARM)
        wanted, cuts = scene.many(8, 300), 0
        while len(proxy.done) < wanted and cuts < wanted:
            running.crew.rest(scene.draw.uniform(2.0, 5.0))
            if scene.draw.random() < 0.3:
                proxy.cut()
                cuts += 1
        proxy.choose = no_fault
        running.crew.rest(3.0)
        running.verdict(fault, len(proxy.done) + cuts, leaves=None)


@part()
def network(scene: Scene) -> None:
    """Requests of a commit are delayed, cut off, unanswered, or answered late; a rich pipeline."""
    fault = "requests and answers of a commit lost, late, cut off; late labels, two stages"
    harmed(scene, "a", fault, rich=True)


@part(short=False)
def network_of_two(scene: Scene) -> None:
    """The same for two workers that share the partitions."""
    harmed(scene, "ab", "requests and answers of a commit lost, late, cut off; two workers")


@part(short=False)
def late_end(scene: Scene) -> None:
    """The end of a transaction is sent again, and the first one arrives in the next transaction."""
    held = [Hold(Api.TXN_OFFSET_COMMIT), Hold(Api.PRODUCE, count=2), Hold(Api.END_TXN)]
    wanted = scene.many(5, 200)
    with behind_proxy(scene, "a") as (running, proxy):
        proxy.choose = Seeded(scene.seed, {Api.END_TXN: 0.1}, held)
        running.crew.wait(lambda: len(proxy.late) >= wanted, "late requests", 1_800)
        proxy.choose = no_fault
        running.crew.rest(2.0)
        running.verdict("the end of a transaction arrives late", len(proxy.late), leaves=None)
