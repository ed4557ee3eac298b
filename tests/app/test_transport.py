"""What Faust must not do between the fetcher and the agent."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from confluent_kafka import Message
from faust.types import TP

from app.worker.transport import App, Consumer
from topics.records import Batch

EVENTS = TP("events", 0)


class Host:
    """A worker whose fetcher fetches nothing."""

    def new_fetcher(self, consumer: Consumer) -> Any:
        return SimpleNamespace(assignment=(EVENTS,))


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
        consumer._queue.put_nowait(Batch("events", 0, [record], 0, 0))
        await asyncio.sleep(0.05)
        assert passed_on == []
        app.flow_control.resume()
        consumer.resume_flow()
        await asyncio.sleep(0.05)
        draining.cancel()
        return passed_on

    (batch,) = asyncio.run(rebalanced_while_faust_waits_for_a_batch())
    assert batch.number == 0
