"""A network between the workers and the broker that delays, cuts, is silent and repeats itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.chaos.faults.kills import struck
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
    Once,
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
        wanted, cuts = scene.many(5, 300), 0
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
    """The end of a transaction is sent again, and the first one arrives in the next transaction.

    Before that one has ended the worker is killed: what the late request has torn stays so.
    """
    times = scene.many(3, 60)
    with behind_proxy(scene, "a") as (running, proxy):
        (member,) = running.crew.members
        for _ in range(times):
            number = scene.draw.randint(2, 6)
            proxy.choose = Once(Api.END_TXN, Hold(Api.TXN_OFFSET_COMMIT), skip=number - 1)
            fault = f"kill:before:Producer.commit_transaction:{number + 1}"
            struck(running.crew, member, fault)
            proxy.choose = no_fault
        member.start()
        member.supervised = True
        running.crew.wait(member.has_partitions, "the partitions", 60)
        assert len(proxy.late) == times
        running.crew.rest(2.0)
        running.verdict("the end of a transaction arrives late, then kill -9", times)
