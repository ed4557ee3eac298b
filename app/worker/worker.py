"""One worker of a pipeline: Faust's life cycle around fetch, process and commit."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from functools import partial
from typing import cast

from mode import Service

from app.kafka.asking import RestoreStopped
from app.kafka.partitions import TP
from app.pipeline.models import new_model
from app.pipeline.stages import stages
from app.worker.assignment import Assignment
from app.worker.ending import LEAVE_SECONDS, STOP_SECONDS, ForcedEnd
from app.worker.faust.app import new_app
from app.worker.faust.transport import Consumer
from app.worker.garbage import collect_seldom
from app.worker.health import Health
from app.worker.input.fetching import Fetcher
from app.worker.input.schemas import Schemas
from app.worker.output.transactions import TransactionAborted
from app.worker.parts import Parts
from app.worker.state.restore import Restored
from app.worker.state.restoring import close_all
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
        parts: What it is made of.
        page: Makes the process of the page, given the worker's words for it.
    """

    def __init__(
        self, parts: Parts, page: Callable[[Callable[[], bytes]], Service] | None = None
    ) -> None:
        self._parts = parts
        self._pipeline = parts.pipeline
        self._committer = parts.committer
        self._first_inputs = stages(parts.pipeline)[0].inputs
        self._between_first = False
        self._closing = False
        self._committing = asyncio.Event()
        self._committing.set()
        self.failure: BaseException | None = None
        self._end = ForcedEnd(lambda: self.failure)
        counters, versions = parts.processor.counters, parts.tasks.versions
        self.health = Health(parts.pipeline, counters, parts.committer, parts.measured, versions)
        self._schemas = Schemas(parts.pipeline)
        services = [] if page is None else [page(self.health.words)]
        self.app = new_app(parts.pipeline, self, services)

    @property
    def assignment(self) -> Assignment:
        """The partitions of this worker, and all that belongs to them."""
        return self._committer.assignment

    @property
    def watchdog(self) -> Watchdog:
        """Ends the worker where something hangs."""
        return self._parts.watchdog

    # What the transport calls.

    def new_fetcher(self, consumer: Consumer) -> Fetcher:
        """The group's consumer."""
        return self._parts.fetcher(consumer)

    def fetch_limit(self) -> int:
        """Records for one fetch: about as many as are processed between two commits."""
        worker, pace = self._pipeline.worker, self._parts.processor.counters.seconds_per_event
        wanted = FIRST_FETCH if pace is None else int(worker.commit_interval / max(pace, 1e-9))
        return max(1, min(worker.max_batch, wanted))

    async def revoked(self, *, lost: bool) -> None:
        """Commit what was processed, unless others have the partitions already; then follow it.

        In the middle of a round nothing is committed: it is done again.
        """
        self.health.doing = "a rebalance of the group"
        try:
            await (self._committer.settle() if lost else self._committer.commit())
        except TransactionAborted as error:
            log.warning("%s", error)
        for state_topic, partition, reader in self.assignment.release():
            self._parts.standby.give(state_topic, partition, reader)

    async def restore(self, assignment: Assignment) -> Mapping[TP, int | None]:
        """Restore the states of an assignment, and make its tasks."""
        started, self.health.doing = time.monotonic(), "it restores the state of its partitions"
        self.assignment.drop()
        # Now: what a worker that was killed left open may hold up the restore.
        self._parts.neighbours.assigned()
        await self._committer.settle()
        restored = await self._parts.restorers.restore(assignment.partitions)
        await self._parts.shared.have_newest(assignment)
        offsets = {
            TP(topic, number): offset
            for (_, number), state in restored.items()
            for topic, offset in state.offsets.items()
        }
        try:
            alone = self._parts.inputs == frozenset(assignment.partitions)
            at_once = alone and await self._parts.restorers.nothing_between(offsets)
            self._parts.tasks.open(assignment, restored, at_once=at_once)
            self._parts.shared.begin(assignment)
        except BaseException:
            close_all(restored.values())
            raise
        self._committer.assignment = assignment
        if any(state.chosen for state in restored.values()) and not await self._committed():
            return await self.restore(assignment)
        self._between_first = alone and not at_once
        self._opened(restored.values())
        self._parts.measured.restores.observe(time.monotonic() - started)
        if self._between_first:
            return {tp: at for tp, at in offsets.items() if tp.topic not in self._first_inputs}
        # Rows that are learned in memory need not be read.
        unread = {self._pipeline.rows_topic} if at_once else set[str]()
        return {tp: at for tp, at in offsets.items() if tp.topic not in unread}

    async def _committed(self) -> bool:
        """Commit at once; False where that was rolled back, and everything must be restored."""
        try:
            await self._committer.commit()
        except TransactionAborted as error:
            if self._committer.failures >= MAX_FAILURES:
                raise
            log.warning("%s", error)
            return False
        return True

    def _opened(self, restored: Iterable[Restored]) -> None:
        if self.failure is None:
            self.health.doing = ""
        log.info(
            "partitions %s, models with %d learned events; %d records of state read",
            self.health.partitions,
            self.assignment.learned,
            sum(state.records_read for state in restored),
        )
        if self._between_first:
            log.info("what other workers left between the stages comes first")

    async def between_done(self) -> None:
        """Read all, once what other workers left between the stages is done."""
        self._parts.shared.follow()
        if not self._between_first or not self.assignment.idle:
            return
        try:
            if await self._parts.restorers.nothing_between(self.assignment.offsets):
                self._between_first = False
                await self._consumer.restart()
        except Exception as error:
            await self.leave(error)

    async def starting(self) -> None:
        """Fence an earlier worker of this name; compile the learner before the first event."""
        model = new_model(self._pipeline)
        self._parts.report.start(model.task)
        self.watchdog.start()
        warm_up = asyncio.to_thread(self._parts.tasks.warm_up, model)
        await asyncio.gather(self._committer.start(), warm_up, self._follow_first())
        collect_seldom()

    async def _follow_first(self) -> None:
        """Have at hand what will come here, before it comes: until then the others go on."""
        if not self._pipeline.worker.standbys:
            return
        look = self._parts.neighbours.before_joining
        while await asyncio.to_thread(look) and self._parts.standby.behind() and not self._closing:
            await asyncio.sleep(0.2)

    async def commit_when_due(self) -> None:
        """Commit in the background until the worker stops."""
        self._committing.clear()
        try:
            while not self._closing:
                try:
                    await self._committer.run()
                except TransactionAborted as error:
                    if self._committer.failures >= MAX_FAILURES:
                        raise
                    log.warning("%s", error)
                    await self._consumer.restart()
        except Exception as error:
            await self.leave(error)
        finally:
            self._committing.set()

    async def closing(self) -> None:
        """Stop committing in the background, and commit what was processed."""
        self.health.doing, self._closing = "it stops", True
        self._end.within(STOP_SECONDS)
        self._parts.restorers.stop()
        self._parts.neighbours.close()
        self._parts.standby.stop()
        self._parts.shared.stop()
        self._committer.stop()
        await self._committing.wait()
        try:
            if self.failure is None:
                await self._committer.commit()
        except TransactionAborted as error:
            log.warning("%s", error)
        except Exception as error:
            self.failure = error
        finally:
            self._parts.report.write()
            self._committer.close()
            self._parts.watch.close()

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
        await self._committer.room()
        await self._schemas.known(batch)
        await self._parts.shared.reach(batch, partial(setattr, self.health, "doing"))
        limit = self._pipeline.worker.processing_timeout
        with self.watchdog.watch("processing", limit, lambda: records_of(batch)):
            sound = self._parts.processor.process(batch)
        self._consumer.done(batch)
        self._committer.nudge()
        if not sound:
            await self._consumer.restart()

    async def leave(self, error: BaseException) -> None:
        """End the worker with a failure; the supervisor restarts it."""
        if isinstance(error, RestoreStopped):
            return  # it ends already, and was told to
        if self.failure is None:
            self.health.doing, self.failure = f"it leaves: {error}", error
            self._end.within(LEAVE_SECONDS)
            # A topic that is gone is the reason, whatever failed by it.
            self.failure = await self._parts.watch.change() or error
            await self.app.crash(self.failure)

    def forget(self) -> None:
        """Let go of all states. After the group was left: it takes long where there is much."""
        self.assignment.drop()
        self._parts.standby.close()

    def stopped(self) -> None:
        """The worker has ended: it need not be ended by force."""
        self._end.call_off()

    @property
    def _consumer(self) -> Consumer:
        return cast(Consumer, self.app.consumer)

    async def purge(self) -> None:
        """Delete what the later stages have read and committed."""
        self._parts.purger.purge(self._committer.committed)

    async def watch(self) -> None:
        """Leave when a topic is not the one any more that it was at the start."""
        if (change := await self._parts.watch.change()) is not None:
            await self.leave(change)
        shared = self._parts.shared
        if shared.failure is not None:
            await self.leave(shared.failure)
        if shared.heartbeat(self.assignment):
            self._committer.nudge()

    async def report(self) -> None:
        """Tell in the log what was done."""
        self._parts.report.write()
