"""One worker of a pipeline: Faust's life cycle around fetch, process and commit."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import uuid
from collections.abc import AsyncIterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, cast

from app.kafka.admin import TIMEOUT, ensure_topics
from app.kafka.cluster import Cluster
from app.kafka.repeats import NotAgain
from app.kafka.settings import LOGGER, KafkaSettings
from app.page.page import add_page
from app.pipeline.load import Pipeline
from app.pipeline.stages import Stage, merged_topics, stages
from app.worker.clients import group_consumer, restore_consumer, transactional_producer
from app.worker.committer import Committer, CommitTimes
from app.worker.faust_app import new_app, run
from app.worker.fetching import TP, Fetcher
from app.worker.garbage import collect_seldom
from app.worker.processor import Processor, partitions_of
from app.worker.purging import Purger
from app.worker.restore import Restored, Restorer
from app.worker.stores import Stores
from app.worker.transactions import OutputTopics, TransactionAborted, Transactions
from app.worker.transport import Consumer
from topics.records import Batch

log = logging.getLogger("riverrun.worker")

LEAVE_SECONDS = 10.0
STOP_SECONDS = 25.0
"""A supervisor kills after 30: a worker that cannot stop says so before."""
FIRST_FETCH = 10
"""Records, while it is not known yet how fast the learner is."""
MAX_FAILURES = 5
"""So many transactions may be rolled back in a row: there is a reason that stays."""


class Worker:
    """The host of the transport: it wires fetcher, processor, restorer and committer.

    Args:
        pipeline: What to do.
        kafka: How to reach Kafka.
        partitions: By topic.
        snapshot_key: Signs and checks models that need pickle.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        kafka: KafkaSettings,
        *,
        partitions: Mapping[str, int],
        snapshot_key: bytes | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.kafka = kafka
        events = partitions[pipeline.events.topic]
        self.processor = Processor(pipeline, snapshot_key, events)
        self.failure: BaseException | None = None
        self.ready = False
        name = pipeline.worker.name or uuid.uuid4().hex[:12]
        # Events that were keyed anew lie elsewhere than their predictions: there the key decides.
        beside = len(stages(pipeline)) == 1 and events == partitions[pipeline.predictions.topic]
        outputs = OutputTopics(pipeline.predictions.topic, same_partition=beside)
        self.committer = Committer(
            Transactions(transactional_producer(pipeline, kafka, name), outputs),
            CommitTimes(pipeline.worker.commit_interval, pipeline.worker.commit_floor),
            tasks=lambda: self.processor.tasks.values(),
            group=lambda: self._consumer.fetcher.group,
            idle=lambda: self._consumer.idle,
            whole=lambda: self.processor.whole,
            on_failure=self.processor.forget,
            backlog=4 * pipeline.worker.max_batch,
            patience=pipeline.worker.transaction_timeout + LEAVE_SECONDS,
            snapshot_key=snapshot_key,
        )
        self.stores = Stores(pipeline)
        self._restorers = {
            stage: Restorer(
                restore_consumer(pipeline, kafka),
                kafka.admin(),
                stage.inputs,
                stage.state_topic,
                latest=pipeline.worker.start == "latest",
                timeout=pipeline.worker.transaction_timeout + 60.0,
                new_store=partial(self.stores.new, stage.state_topic),
            )
            for stage in stages(pipeline)
        }
        inner = [topic for stage in stages(pipeline)[1:] for topic in stage.inputs]
        self._purger = Purger(kafka.admin(), inner)
        self._restore_thread = ThreadPoolExecutor(1, "restore")
        self._closing = False
        self._deadline: threading.Timer | None = None
        self._committing = asyncio.Event()
        self._committing.set()
        self.app = new_app(pipeline, self)
        if pipeline.worker.web_port is not None:
            add_page(self.app, pipeline, kafka, self.counts)

    # What the transport calls.

    def new_fetcher(self, consumer: Consumer) -> Fetcher:
        """The group's consumer."""

        def nudge() -> None:
            consumer.loop.call_soon_threadsafe(self.committer.nudge)

        labels = self.pipeline.labels
        return Fetcher(
            group_consumer(self.pipeline, self.kafka),
            consumer,
            on_idle=nudge,
            merged=merged_topics(self.pipeline),
            together=len(stages(self.pipeline)) > 1,
            max_idle=labels.max_idle if labels else 0.0,
        )

    def fetch_limit(self) -> int:
        """Records for one fetch: about as many as are processed between two commits."""
        worker, pace = self.pipeline.worker, self.processor.counters.seconds_per_event
        wanted = FIRST_FETCH if pace is None else int(worker.commit_interval / max(pace, 1e-9))
        return max(1, min(worker.max_batch, wanted))

    async def revoked(self, *, lost: bool) -> None:
        """Commit what was processed, unless others have the partitions already; forget it.

        In the middle of a round nothing is committed: it is done again.
        """
        self.ready = False
        try:
            await (self.committer.settle() if lost else self.committer.commit())
        except TransactionAborted as error:
            log.warning("%s", error)
        self.processor.forget()

    async def restore(self, partitions: Sequence[TP], epoch: int) -> Mapping[TP, int | None]:
        """Restore the states of ``partitions``, and make their tasks."""
        self.processor.forget()
        await self.committer.settle()
        loop = asyncio.get_running_loop()
        restored: dict[tuple[Stage, int], Restored] = {}
        try:
            for stage, restorer in self._restorers.items():
                numbers = partitions_of([tp for tp in partitions if tp.topic == stage.inputs[0]])
                states = await loop.run_in_executor(self._restore_thread, restorer.restore, numbers)
                restored |= {(stage, number): state for number, state in states.items()}
            self.processor.open(restored, epoch)
        except BaseException:
            for state in restored.values():
                state.close()
            raise
        if any(state.chosen for state in restored.values()):
            await self.committer.commit()
        self.ready = True
        learned = self.processor.learned
        log.info("partitions %s, models with %d learned events", self.partitions, learned)
        return {
            TP(topic, number): offset
            for (_, number), state in restored.items()
            for topic, offset in state.offsets.items()
        }

    async def starting(self) -> None:
        """Fence an earlier worker of this name; compile the learner before the first event."""
        features = self.pipeline.events.features or ()
        model = self.processor.new_model()
        warm_up = asyncio.to_thread(model.warm_up, len(features) or 1)
        await asyncio.gather(self.committer.start(), warm_up)
        collect_seldom()

    async def commit_when_due(self) -> None:
        """Commit in the background until the worker stops."""
        self._committing.clear()
        try:
            while not self._closing:
                try:
                    await self.committer.run()
                except TransactionAborted as error:
                    if self.committer.failures >= MAX_FAILURES:
                        raise
                    log.warning("%s", error)
                    await self._consumer.restart()
        except Exception as error:
            await self.leave(error)
        finally:
            self._committing.set()

    async def closing(self) -> None:
        """Stop committing in the background, and commit what was processed."""
        self.ready, self._closing = False, True
        self._end_within(STOP_SECONDS)
        for restorer in self._restorers.values():
            restorer.stop()
        self.committer.stop()
        await self._committing.wait()
        try:
            if self.failure is None:
                await self.committer.commit()
        except TransactionAborted as error:
            log.warning("%s", error)
        except Exception as error:
            self.failure = error
        finally:
            self.processor.forget()
            self.committer.close()
            self._restore_thread.shutdown(wait=False)

    # The agent.

    async def score(self, batches: AsyncIterable[Batch]) -> None:
        """Process batch after batch."""
        async for batch in batches:
            try:
                await self._process(batch)
            except Exception as error:
                await self.leave(error)
                return

    async def _process(self, batch: Batch) -> None:
        await self.committer.room()
        whole = self.processor.process(batch)
        self._consumer.done(batch)
        self.committer.nudge()
        if not whole:
            await self._consumer.restart()

    async def leave(self, error: BaseException) -> None:
        """End the worker with a failure; the supervisor restarts it."""
        if self.failure is None:
            self.failure = error
            self._end_within(LEAVE_SECONDS)
            await self.app.crash(error)

    def stopped(self) -> None:
        """The worker has ended: it need not be ended by force."""
        if self._deadline is not None:
            self._deadline.cancel()

    def _end_within(self, seconds: float) -> None:
        if self._deadline is None:
            self._deadline = threading.Timer(seconds, self._end)
            self._deadline.daemon = True
            self._deadline.start()

    def _end(self) -> None:
        """Leave without a goodbye: what was not committed, Kafka rolls back."""
        log.error("%s", self.failure or f"no clean stop within {STOP_SECONDS:.0f} s")
        os._exit(1)

    @property
    def partitions(self) -> list[int]:
        """The partitions of the events that are this worker's."""
        topic = self.pipeline.events.topic
        return partitions_of([tp for tp in self.processor.tasks if tp.topic == topic])

    @property
    def _consumer(self) -> Consumer:
        return cast(Consumer, self.app.consumer)

    async def purge(self) -> None:
        """Delete what the later stages have read and committed."""
        self._purger.purge(self.committer.committed)

    async def report(self) -> None:
        """Tell in the log what was done."""
        counters, committer = self.processor.counters, self.committer
        log.info(
            "%d events, %d learned, %d dead letters, %d commits of %.1f ms",
            counters.events,
            counters.learned,
            counters.dead_letters,
            committer.commits,
            1000 * committer.seconds / max(1, committer.commits),
        )

    def health(self) -> dict[str, Any]:
        """Whether this worker does its work, and on what."""
        return {
            "ready": self.ready and self.failure is None,
            "partitions": self.partitions,
            "events": self.processor.counters.events,
            "commits": self.committer.commits,
        }

    def counts(self) -> dict[str, Any]:
        """What this worker has done since it started."""
        counters = self.processor.counters
        return {
            "partitions": self.partitions,
            "scored": counters.predictions,
            "learned": counters.learned,
            "waiting": self.processor.waiting if self.pipeline.labels else None,
            "dead_letters": counters.dead_letters,
            "commits": self.committer.commits,
        }


def run_worker(pipeline: Pipeline, kafka: KafkaSettings) -> None:
    """Run one worker until it is told to stop by SIGTERM or SIGINT.

    Raises:
        RiverrunError: when the worker cannot go on; a supervisor starts it again.
    """
    key = os.environ.get("RIVERRUN_SNAPSHOT_KEY")
    LOGGER.addFilter(NotAgain())
    _ensure_topics(pipeline, kafka)
    worker = Worker(
        pipeline,
        kafka,
        partitions=_partitions(kafka),
        snapshot_key=key.encode() if key else None,
    )
    try:
        run(worker.app)
    finally:
        worker.stores.close()
        if worker.failure is not None:
            raise worker.failure
        worker.stopped()
    log.info("stopped; what was processed is committed")


def _ensure_topics(pipeline: Pipeline, kafka: KafkaSettings) -> None:
    for outcome in ensure_topics(pipeline, kafka):
        if outcome.kind == "created":
            log.info("%s", outcome)


def _partitions(kafka: KafkaSettings) -> Mapping[str, int]:
    """How many each topic has."""
    return {name: topic.partitions for name, topic in Cluster(kafka, TIMEOUT).topics().items()}
