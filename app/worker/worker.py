"""One worker of a pipeline: Faust's life cycle around fetch, process and commit."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterable, Mapping, Sequence
from typing import Any, cast

from app.kafka.asking import RestoreStopped
from app.kafka.settings import KafkaSettings
from app.page.process import PageProcess
from app.page.told import words
from app.pipeline.load import Pipeline
from app.pipeline.stages import stages
from app.worker.build import (
    all_inputs,
    new_committer,
    new_fetcher,
    new_neighbours,
    new_purger,
    new_restorers,
    new_standby,
    new_watch,
)
from app.worker.ending import LEAVE_SECONDS, STOP_SECONDS, ForcedEnd
from app.worker.faust.app import new_app
from app.worker.faust.transport import Consumer
from app.worker.garbage import collect_seldom
from app.worker.input.fetching import TP, Fetcher
from app.worker.output.transactions import TransactionAborted
from app.worker.processor import Processor, partitions_of
from app.worker.report import Report
from app.worker.state.restoring import close_all
from app.worker.state.stores import Stores
from app.worker.watchdog import Watchdog, records_of
from topics.records import Batch

log = logging.getLogger("riverrun.worker")

FIRST_FETCH = 10
"""Records, while it is not known yet how fast the learner is."""
MAX_FAILURES = 5
"""So many transactions may be rolled back in a row: there is a reason that stays."""


class Worker:
    """The life of a worker, as the host of the transport: it fetches, processes, commits, restores.

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
        self.name = pipeline.worker.name or uuid.uuid4().hex[:12]
        self.processor = Processor(pipeline, snapshot_key, partitions)
        self._inputs = all_inputs(pipeline, partitions)
        self._first_inputs = stages(pipeline)[0].inputs
        self._between_first = False
        self.failure: BaseException | None = None
        self.ready = False
        self.committer = new_committer(
            pipeline,
            kafka,
            partitions,
            self.processor,
            lambda: self._consumer,
            snapshot_key,
            self.name,
        )
        self._report = Report(pipeline, self.processor, self.committer)
        self.stores = Stores(pipeline)
        self._watch = new_watch(pipeline, kafka, partitions)
        self._standby = new_standby(pipeline, kafka, self.stores)
        self._restorers = new_restorers(
            pipeline, kafka, self.stores, self._watch, partitions, self._standby
        )
        self._neighbours = new_neighbours(
            pipeline, kafka, partitions, self.name, self._standby.follow
        )
        self._purger = new_purger(pipeline, kafka)
        self._end = ForcedEnd(lambda: self.failure)
        self.watchdog = Watchdog()
        self._closing = False
        self._committing = asyncio.Event()
        self._committing.set()
        page = (
            [] if pipeline.worker.web_port is None else [PageProcess(pipeline, kafka, self._words)]
        )
        self.app = new_app(pipeline, self, page)

    # What the transport calls.

    def new_fetcher(self, consumer: Consumer) -> Fetcher:
        """The group's consumer."""
        return new_fetcher(self.pipeline, self.kafka, consumer, self.committer.nudge, self.name)

    def fetch_limit(self) -> int:
        """Records for one fetch: about as many as are processed between two commits."""
        worker, pace = self.pipeline.worker, self.processor.counters.seconds_per_event
        wanted = FIRST_FETCH if pace is None else int(worker.commit_interval / max(pace, 1e-9))
        return max(1, min(worker.max_batch, wanted))

    async def revoked(self, *, lost: bool) -> None:
        """Commit what was processed, unless others have the partitions already; then follow it.

        In the middle of a round nothing is committed: it is done again.
        """
        self.ready = False
        try:
            await (self.committer.settle() if lost else self.committer.commit())
        except TransactionAborted as error:
            log.warning("%s", error)
        for state_topic, partition, reader in self.processor.release():
            self._standby.give(state_topic, partition, reader)

    async def restore(self, partitions: Sequence[TP], epoch: int) -> Mapping[TP, int | None]:
        """Restore the states of ``partitions``, and make their tasks."""
        self.processor.forget()
        # Now: what a worker that was killed left open may hold up the restore.
        self._neighbours.assigned()
        await self.committer.settle()
        restored = await self._restorers.restore(partitions)
        offsets = {
            TP(topic, number): offset
            for (_, number), state in restored.items()
            for topic, offset in state.offsets.items()
        }
        try:
            alone = self._inputs == frozenset(partitions)
            at_once = alone and await self._restorers.nothing_between(offsets)
            self.processor.open(restored, epoch, at_once=at_once)
        except BaseException:
            close_all(restored.values())
            raise
        if any(state.chosen for state in restored.values()):
            try:
                await self.committer.commit()
            except TransactionAborted as error:
                if self.committer.failures >= MAX_FAILURES:
                    raise
                log.warning("%s", error)
                return await self.restore(partitions, epoch)
        self.ready = True
        self._between_first = alone and not at_once
        learned = self.processor.learned
        log.info(
            "partitions %s, models with %d learned events; %d records of state read",
            self.partitions,
            learned,
            sum(state.records_read for state in restored.values()),
        )
        if self._between_first:
            log.info("what other workers left between the stages comes first")
            return {tp: at for tp, at in offsets.items() if tp.topic not in self._first_inputs}
        return offsets

    async def between_done(self) -> None:
        """Read all, once what other workers left between the stages is done."""
        if not self._between_first or not self._consumer.idle:
            return
        try:
            if await self._restorers.nothing_between(self.processor.offsets):
                self._between_first = False
                await self._consumer.restart()
        except Exception as error:
            await self.leave(error)

    async def starting(self) -> None:
        """Fence an earlier worker of this name; compile the learner before the first event."""
        model = self.processor.new_model()
        self._report.start(model.task)
        self.watchdog.start()
        warm_up = asyncio.to_thread(self.processor.warm_up, model)
        await asyncio.gather(self.committer.start(), warm_up, self._follow_first())
        collect_seldom()

    async def _follow_first(self) -> None:
        """Have at hand what will come here, before it comes: until then the others go on."""
        if not self.pipeline.worker.standbys:
            return
        look = self._neighbours.before_joining
        while await asyncio.to_thread(look) and self._standby.behind() and not self._closing:
            await asyncio.sleep(0.2)

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
        self._end.within(STOP_SECONDS)
        self._restorers.stop()
        self._neighbours.close()
        self._standby.stop()
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
            self._report.tell()
            self.committer.close()
            self._watch.close()

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
        limit = self.pipeline.worker.processing_timeout
        with self.watchdog.watch("processing", limit, lambda: records_of(batch)):
            whole = self.processor.process(batch)
        self._consumer.done(batch)
        self.committer.nudge()
        if not whole:
            await self._consumer.restart()

    async def leave(self, error: BaseException) -> None:
        """End the worker with a failure; the supervisor restarts it."""
        if isinstance(error, RestoreStopped):
            return  # it ends already, and was told to
        if self.failure is None:
            self.failure = error
            self._end.within(LEAVE_SECONDS)
            # A topic that is gone is the reason, whatever failed by it.
            self.failure = await self._watch.change() or error
            await self.app.crash(self.failure)

    def forget(self) -> None:
        """Let go of all states. After the group was left: it takes long where there is much."""
        self.processor.forget()
        self._standby.close()
        self.stores.close()

    def stopped(self) -> None:
        """The worker has ended: it need not be ended by force."""
        self._end.call_off()

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

    async def watch(self) -> None:
        """Leave when a topic is not the one any more that it was at the start."""
        if (change := await self._watch.change()) is not None:
            await self.leave(change)

    async def report(self) -> None:
        """Tell in the log what was done."""
        self._report.tell()

    def _words(self) -> bytes:
        return words(self.health(), self.counts())

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
            "waiting": self.processor.labels.waiting if self.pipeline.labels else None,
            "dead_letters": counters.dead_letters,
            "commits": self.committer.commits,
        }
