"""Faust over confluent-kafka, in batches.

Faust carries the worker: membership, agents, the life cycle, signals, the web server. What it
would do with offsets is switched off; docs/how-it-works.md, "Why Faust", tells why. The unit
that it passes to an agent is a ``Batch``, wrapped as one message.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, cast

import faust
from faust.tables import TableManager
from faust.transport import base
from faust.transport.consumer import Consumer as FaustConsumer
from faust.transport.producer import Producer as FaustProducer
from faust.types import TP as FaustTP
from faust.types import ConsumerMessage
from mode import Service

from app.kafka.partitions import TP
from app.worker.assignment import Assignment
from app.worker.input.fetching import Fetcher
from app.worker.watchdog import Watchdog
from topics.records import Batch

POLL_SECONDS = 0.25
"""How long one poll may wait; a clean stop takes about as long."""
FETCH_SECONDS = 30.0
"""How long one fetch may take, without the rebalances inside it."""


class Host(Protocol):
    """What the transport needs of the worker; all but ``new_fetcher`` run on the event loop."""

    @property
    def watchdog(self) -> Watchdog: ...
    def new_fetcher(self, consumer: Consumer) -> Fetcher: ...
    async def starting(self) -> None: ...
    async def commit_when_due(self) -> None: ...
    def fetch_limit(self) -> int: ...
    async def revoked(self, *, lost: bool) -> None: ...
    async def restore(self, assignment: Assignment) -> Mapping[TP, int | None]: ...
    async def closing(self) -> None: ...
    async def leave(self, error: Exception) -> None: ...


class Consumer(FaustConsumer):
    """Faust's consumer: a fetcher on a thread of its own, and a queue of batches."""

    host: Host

    def __init__(self, transport: Transport, *args: Any, **kwargs: Any) -> None:
        super().__init__(transport, *args, **kwargs)
        self.host = cast(App, transport.app).host
        self.fetcher = self.host.new_fetcher(self)
        self._thread = ThreadPoolExecutor(1, "fetch")
        self._queue: asyncio.Queue[Batch] = asyncio.Queue()
        self._handed_out = 0
        self._room = asyncio.Event()
        self._subscribed = asyncio.Event()

    # What Faust calls.

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Join the group."""
        try:
            await self.host.starting()
        except Exception as error:
            await self.host.leave(error)
            return
        _ = self.add_future(self.host.commit_when_due())
        await self._on_thread(self.fetcher.subscribe, sorted(topics))
        self._subscribed.set()

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[FaustTP, ConsumerMessage]]:
        """The batches that are there; nothing when none came for ``timeout`` seconds."""
        try:
            # Not `wait_for`: it loses a cancellation that comes together with a batch.
            async with asyncio.timeout(timeout):
                batch = await self._queue.get()
        except TimeoutError:
            return
        yield FaustTP(batch.topic, batch.partition), self._to_message(None, batch)

    def stop_flow(self) -> None:
        """Nothing: what came after a rebalance waits until Faust resumes, what is void is dropped.

        Faust throws away what it takes while its flow is stopped, where a batch of the new
        assignment may be among it.
        """

    def assignment(self) -> set[FaustTP]:
        """The partitions of this worker."""
        return {FaustTP(*tp) for tp in self.fetcher.assignment.partitions}

    async def on_stop(self) -> None:
        """Commit what was processed, then leave the group."""
        await self.host.closing()
        await self._on_thread(self.fetcher.close)
        self._thread.shutdown(wait=False)

    def close(self) -> None:
        """Nothing: ``on_stop`` leaves the group."""

    # What the worker calls.

    def done(self, batch: Batch) -> None:
        """A batch was processed or dropped: there is room for the next."""
        batch.assignment.waiting -= len(batch.records)
        self._room.set()

    async def restart(self) -> None:
        """Restore all state and read from where it stands, without leaving the group."""
        await self._on_thread(self.fetcher.restart)

    # Rebalance, called by librdkafka on the fetching thread.

    def revoked(self, *, lost: bool) -> None:
        """See ``Rebalance.revoked``."""
        self._wait_for(self._on_revoked(lost=lost))

    def restore(self, assignment: Assignment) -> Mapping[TP, int | None]:
        """See ``Rebalance.restore``."""
        offsets: Mapping[TP, int | None] = self._wait_for(self._on_restore(assignment))
        return offsets

    def assigned(self, partitions: Sequence[TP]) -> None:
        """See ``Rebalance.assigned``."""
        self._wait_for(self._on_assigned(partitions))

    async def _on_revoked(self, *, lost: bool) -> None:
        self.app.on_rebalance_start()
        await self.host.revoked(lost=lost)
        self._drop_fetched()
        await self.on_partitions_revoked(self.assignment())

    async def _on_restore(self, assignment: Assignment) -> Mapping[TP, int | None]:
        self._drop_fetched()
        return await self.host.restore(assignment)

    async def _on_assigned(self, partitions: Sequence[TP]) -> None:
        if not self.app.rebalancing:
            self.app.on_rebalance_start()
        await self.on_partitions_assigned(
            {FaustTP(*tp) for tp in partitions}, self.app.consumer_generation_id
        )

    def _drop_fetched(self) -> None:
        """Drop what was fetched before; what an agent has already, its assignment drops."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._room.set()

    # The fetching.

    @Service.task
    async def _fetch(self) -> None:
        await self._subscribed.wait()
        try:
            while not self.should_stop:
                await self._fetch_once()
        except Exception as error:
            if not self.should_stop:
                await self.host.leave(error)

    async def _fetch_once(self) -> None:
        limit = self.host.fetch_limit()
        while self.fetcher.assignment.waiting >= limit:
            self._room.clear()
            await self._room.wait()
        with self.host.watchdog.watch("fetch", FETCH_SECONDS):
            batches = await self._on_thread(self.fetcher.fetch, limit, POLL_SECONDS)
        for batch in batches:
            if batch.assignment is self.fetcher.assignment:
                batch.assignment.waiting += len(batch.records)
                self._queue.put_nowait(batch)

    def _to_message(self, tp: Any, batch: Batch) -> ConsumerMessage:
        # Faust drops what is not newer than the last message of a partition; after a restart
        # offsets begin anew, so batches are counted instead.
        self._handed_out += 1
        _, timestamp = batch.records[-1].timestamp()
        return ConsumerMessage(
            batch.topic,
            batch.partition,
            self._handed_out,
            timestamp / 1000.0,
            1,
            [],
            None,
            cast(Any, batch),
            None,
            tp=FaustTP(batch.topic, batch.partition),
            generation_id=self.app.consumer_generation_id,
        )

    async def _on_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)

    def _wait_for(self, work: Any) -> Any:
        with self.host.watchdog.paused("fetch"):  # a restore takes as long as it takes
            return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    # What Faust has for acks, seeks and tables, none of which is used.

    async def perform_seek(self) -> None:
        """Nothing: positions are set where partitions are assigned."""

    def on_buffer_full(self, tp: FaustTP) -> None:
        """Nothing: back-pressure is in the fetching."""

    def on_buffer_drop(self, tp: FaustTP) -> None:
        """Nothing: back-pressure is in the fetching."""

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Nothing: the worker commits in transactions."""
        return False

    def highwater(self, tp: FaustTP) -> int:
        """Unknown to Faust: its monitor does not need it."""
        return 0

    async def _unsupported(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("riverrun's transport has no tables, seeks or offsets of Faust's")

    create_topic = seek_to_committed = _seek = seek_wait = position = _unsupported
    earliest_offsets = highwaters = _commit = _getmany = _unsupported

    def _new_topicpartition(self, topic: str, partition: int) -> FaustTP:
        return FaustTP(topic, partition)

    def topic_partitions(self, topic: str) -> int | None:
        """Unknown to Faust: nothing of it needs the number."""
        return None

    def key_partition(self, topic: str, key: bytes | None, partition: int | None = None) -> None:
        """Unknown to Faust: it does not produce."""


class Producer(FaustProducer):
    """Faust's producer, which sends nothing: outputs belong to the worker's transactions."""


class NoTables(TableManager):
    """Faust's table manager, for an app without tables: it need not wait for any to register."""

    async def on_start(self) -> None:
        """Start at once what ends a rebalance."""
        await self._update_channels()
        await self.recovery.start()


class Transport(base.Transport):
    """riverrun's transport."""

    Consumer = Consumer
    Producer = Producer
    driver_version = "riverrun"


class App(faust.App):
    """A Faust app that reads through riverrun's transport.

    Args:
        name: Of the app, which is the pipeline's.
        host: The worker.
        options: Faust's settings.
    """

    def __init__(self, name: str, host: Host, **options: Any) -> None:
        self.host = host
        super().__init__(name, **options)

    def FlowControlQueue(self, maxsize: int | None = None, *, clear_on_resume: bool = False) -> Any:
        """Faust's, but never emptied: what is void is dropped with its assignment.

        Faust empties its queues where it resumes after a rebalance, late, when batches of the
        new assignment may be in them.
        """
        return super().FlowControlQueue(maxsize)

    def _new_transport(self) -> Transport:
        return Transport([], self)

    _new_producer_transport = _new_transport
