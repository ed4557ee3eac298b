"""What Faust must not do between the fetcher and the agent."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from confluent_kafka import Message
from faust.types import TP as FaustTP

from app.kafka.partitions import TP
from app.worker.assignment import Assignment
from app.worker.faust.transport import FETCH_SECONDS, App, Consumer
from app.worker.watchdog import Watchdog
from topics.records import Batch

EVENTS = FaustTP("events", 0)


class Host:
    """A worker whose fetcher fetches nothing."""

    def __init__(self) -> None:
        self.said = list[str]()
        self.now = 0.0
        self.watchdog = Watchdog(self.said.append, lambda: self.now)

    def hours_pass(self) -> None:
        """In a process that runs."""
        for _ in range(8 * round(FETCH_SECONDS)):
            self.now += 0.5
            self.watchdog.check()

    def fetch_limit(self) -> int:
        return 10

    def new_fetcher(self, consumer: Consumer) -> Any:
        return SimpleNamespace(assignment=Assignment((TP(*EVENTS),)))


def test_a_batch_survives_that_faust_resumes_after_a_rebalance() -> None:
    """Faust resumes on a task of its own: the first batch of an assignment may come before."""

    async def resumed_with_a_batch_waiting() -> Any:
        app = App("resumed", cast(Any, None), broker="riverrun://")
        queue = app.topic("events").clone(is_iterator=True).queue
        app.flow_control.resume()
        queue.put_nowait("batch")
        app.flow_control.resume()
        return queue.get_nowait()

    assert asyncio.run(resumed_with_a_batch_waiting()) == "batch"


def test_a_batch_that_comes_before_faust_resumes_waits_for_it() -> None:
    async def rebalanced_while_faust_waits_for_a_batch() -> list[Any]:
        app = App("waits", cast(Any, Host()), broker="riverrun://")
        consumer, passed_on = cast(Consumer, app.consumer), list[Any]()

        async def pass_on(message: Any) -> None:
            await app.flow_control.acquire()
            passed_on.append(message.value)

        consumer.callback = pass_on
        app.flow_control.resume()
        draining = asyncio.create_task(consumer._drain_messages(cast(Any, app._fetcher)))
        await asyncio.sleep(0.05)
        await app._on_partitions_revoked({EVENTS})
        record = Message(topic="events", partition=0, offset=0, timestamp=(1, 0))
        consumer._queue.put_nowait(Batch("events", 0, [record]))
        await asyncio.sleep(0.05)
        assert passed_on == []
        app.flow_control.resume()
        consumer.resume_flow()
        await asyncio.sleep(0.05)
        draining.cancel()
        return passed_on

    (batch,) = asyncio.run(rebalanced_while_faust_waits_for_a_batch())
    assert batch.number == 0


def test_a_fetch_that_does_not_come_back_ends_the_worker_a_rebalance_in_it_does_not() -> None:
    """As librdkafka's waits, where the wall clock jumps ahead and back."""
    host = Host()

    async def revoked(*, lost: bool) -> None:
        host.hours_pass()

    async def fetch() -> None:
        app = App("hangs", cast(Any, host), broker="riverrun://")
        consumer = cast(Consumer, app.consumer)
        consumer.loop = asyncio.get_running_loop()
        consumer._on_revoked = revoked  # type: ignore[method-assign]

        def hang(limit: int, timeout: float) -> list[Batch]:
            consumer.revoked(lost=False)
            assert host.said == []
            host.hours_pass()
            return []

        consumer.fetcher = cast(Any, SimpleNamespace(fetch=hang, assignment=Assignment()))
        await consumer._fetch_once()
        ended = len(host.said)
        host.hours_pass()
        assert len(host.said) == ended > 0
        assert host.said[0] == "fetch: has not ended after 30 s, the worker leaves"

    asyncio.run(fetch())
