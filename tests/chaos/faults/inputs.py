"""Inputs that are hard to read: poison, gaps, rolled back transactions, a deleted head."""

from __future__ import annotations

from collections.abc import Sequence

from confluent_kafka import Message, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.chaos.cases import Case
from tests.chaos.parts import part
from tests.chaos.scene import Running, Scene
from tests.chaos.traffic import Traffic
from tests.kafka.running import wait_until
from tests.kafka.support import read_committed

SMALL = {"worker.max_batch": "5"}
"""Batches with many edges, and work that is still left at a kill."""


def with_kills(running: Running, kills: int) -> None:
    """One worker, killed now and then, until all is done."""
    crew, draw = running.crew, running.scene.draw
    member = crew.start("a")
    for _ in range(kills):
        crew.wait(member.has_partitions, "the partitions")
        crew.rest(draw.uniform(0.2, 3.0))
        crew.kill(member)


@part()
def poison(scene: Scene) -> None:
    """Every third event cannot be used, at all edges of batches of five; functions that raise."""
    functions = 'functions = ["tests.chaos.functions:fussy"]'
    case = scene.plain(poison=0.33, head=functions)
    kills = scene.many(2, 20)
    with scene.running(case, rate=300.0, settings=SMALL) as running:
        running.traffic.start()
        with_kills(running, kills)
        running.verdict("poison at the edges of batches, functions that raise, kill -9", kills)


class InTransactions(Traffic):
    """Sends in transactions of its own, of which some are rolled back."""

    def __init__(self, case: Case, rate: float, scene: Scene) -> None:
        name = f"{case.stream.pipeline.name}-source"
        super().__init__(case, rate, {"transactional.id": name, "message.timeout.ms": 30_000})
        self._draw = scene.draw
        self.rolled_back = 0
        self._producer.init_transactions(30)

    def send(self, count: int) -> None:
        """One transaction."""
        before = len(self.sent)
        self._producer.begin_transaction()
        super().send(count)
        self._producer.flush(30)
        if self._draw.random() < 0.3:
            self._producer.abort_transaction(30)
            del self.sent[before:]
            self.rolled_back += 1
        else:
            self._producer.commit_transaction(30)


@part(short=False)
def transactional_input(scene: Scene) -> None:
    """Events that were written in transactions, a third of them rolled back."""
    kills = scene.many(2, 12)
    case = scene.plain()
    with scene.running(case, rate=0.0) as running:
        running.traffic = traffic = InTransactions(case, 200.0, scene)
        traffic.start()
        with_kills(running, kills)
        traffic.end()
        fault = "events written in transactions, a third rolled back, kill -9"
        running.verdict(fault, traffic.rolled_back)


def what_is_left(case: Case) -> Sequence[Message]:
    """The records that the events topic still has."""
    return read_committed(case.stream.bootstrap, case.stream.pipeline.events.topic, within=60)


@part(short=False)
def truncated_input(scene: Scene) -> None:
    """The first events were deleted before a worker came, others after it had read them."""
    kills = scene.many(2, 6)
    case = scene.plain()
    topic = case.stream.pipeline.events.topic
    admin = AdminClient({"bootstrap.servers": case.stream.bootstrap})
    with scene.running(case, rate=200.0, settings=SMALL) as running:
        running.traffic.send(2_000)
        running.traffic.stop()
        cut = [TopicPartition(topic, partition, 300) for partition in range(case.partitions)]
        for done in admin.delete_records(cut).values():
            done.result(30)
        left = what_is_left(case)
        assert 0 < len(left) < 2_000
        running.traffic.sent = list(left)
        with_kills(running, kills)
        cut = [TopicPartition(topic, partition, 600) for partition in range(case.partitions)]
        wait_until(lambda: len(running.watcher.seen) > 900, what="some predictions")
        for done in admin.delete_records(cut).values():
            done.result(30)
        running.verdict("events deleted before and after they were read, kill -9", 2 + kills)


@part(short=False)
def compacted_input(scene: Scene) -> None:
    """A topic of events that was compacted, so that offsets are missing."""
    kills = scene.many(2, 6)
    compacted = {
        "cleanup_policy": "compact",
        "segment_ms": "200",
        "min_cleanable_dirty_ratio": "0.01",
        "max_compaction_lag_ms": "1000",
    }
    case = scene.plain(topic=compacted, keys=200, poison=0.0)
    with scene.running(case, rate=200.0, settings=SMALL) as running:
        for _ in range(6):
            running.traffic.send(600)
            running.crew.rest(1.0)
        running.traffic.stop()
        wait_until(lambda: len(what_is_left(case)) < 2_500, 120, "the compaction")
        running.crew.rest(5.0)
        # The input is what a reader finds when the worker begins; nothing is compacted any more.
        running.traffic.sent = settled(case)
        with_kills(running, kills)
        running.verdict("a compacted topic of events, kill -9", kills)


def settled(case: Case) -> list[Message]:
    """What is left once two looks find the same."""
    found = list(what_is_left(case))
    while True:
        again = list(what_is_left(case))
        if [m.offset() for m in again] == [m.offset() for m in found]:
            return again
        found = again
