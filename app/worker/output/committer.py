"""Decides when to commit, and commits beside the work on the next batch."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import monotonic
from traceback import clear_frames

from app.worker.assignment import Assignment
from app.worker.measures import COMMITS, Histogram, Latency
from app.worker.output.transactions import START_SECONDS, TransactionLost, Transactions

log = logging.getLogger("riverrun.worker")

DUMP_SHARE = 10
"""A model that takes long to write is written less often: at most a tenth of the time, as long
as there is room for what is not committed."""


@dataclass(frozen=True, slots=True)
class CommitTimes:
    """When to commit, in seconds.

    Attributes:
        interval: At the latest after this time, under load.
        floor: Not more often than this, when quiet.
    """

    interval: float = 0.1
    floor: float = 0.015


class Committer:
    """Commits what an assignment did; lives on the event loop, the producer on its own thread.

    Args:
        transactions: The producer.
        times: When to commit.
        backlog: So many uncommitted records make a commit due, and twice as many hold the
            agents up.
        patience: Seconds after which a commit that has not ended is given up.
        snapshot_key: Signs models that need pickle.
        clock: Seconds; tests have their own.

    Attributes:
        assignment: What is committed; the worker puts the next one in its place.
    """

    def __init__(
        self,
        transactions: Transactions,
        times: CommitTimes,
        *,
        backlog: int,
        patience: float,
        snapshot_key: bytes | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._transactions = transactions
        self._times = times
        self.assignment = Assignment()
        self._backlog = backlog
        self._patience = patience
        self._snapshot_key = snapshot_key
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "commit")
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._last_begin = 0.0
        self._stopping = False
        self.failures = 0
        """How many transactions failed since the last one that was committed."""
        self.committed: dict[tuple[str, int], int] = {}
        """By topic and partition: the offsets that this worker committed last."""
        self.commits = 0
        """How many transactions were committed."""
        self.seconds = 0.0
        """How long they took, together."""
        self.histogram = Histogram(COMMITS)
        """How long each of them took."""
        self.latency = Latency()
        """From the events to the commit of their predictions."""

    async def start(self) -> None:
        """Make the producer ready; see ``Transactions.start``."""
        seconds = START_SECONDS + self._patience
        await self._in_time(self._transactions.start, seconds, "the start of the producer")

    async def run(self) -> None:
        """Commit whenever it is due, until stopped.

        Raises:
            TransactionAborted, TransactionLost: as ``Transactions.commit``.
        """
        while not self._stopping:
            self._wake.clear()
            wait = self.due_in()
            if wait is not None and wait <= 0:
                await self.commit()
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait)

    def due_in(self) -> float | None:
        """Seconds until the next commit is due, zero or less: now; None: there is nothing."""
        due = self.assignment.due
        if not due:
            return None
        assignment = self.assignment
        # Who waits for room would only stand still for a model that is spared.
        full = assignment.uncommitted >= 2 * self._backlog
        spared = 0.0 if full else DUMP_SHARE * sum(task.dump_seconds for task in due)
        hurry = assignment.idle or assignment.held or assignment.uncommitted >= self._backlog
        gap = max(self._times.floor if hurry else self._times.interval, spared)
        return self._last_begin + gap - self._clock()

    def nudge(self) -> None:
        """Look again whether a commit is due: something was processed, or the input is empty."""
        self._wake.set()

    async def room(self) -> None:
        """Wait until there are not too many uncommitted records."""
        # In the middle of a round there is always room: it can only be committed whole.
        while self.assignment.whole and self.assignment.uncommitted >= 2 * self._backlog:
            self._room.clear()
            self.nudge()
            await self._room.wait()

    async def commit(self) -> None:
        """Commit what all tasks have now.

        Nothing happens where there is nothing, and in the middle of a round.
        """
        async with self._lock:
            # The one of now: another may have come while this waited for the lock.
            assignment = self.assignment
            if not assignment.due:
                return
            self._last_begin = self._clock()
            try:
                await self._commit_all(assignment)
            except BaseException as error:
                # Before anybody else gets the lock: what the tasks hold is void. The frames of
                # the failure form a cycle, in which all of that would stay in memory.
                assignment.drop()
                self.failures += 1
                clear_frames(error.__traceback__)
                raise
            finally:
                self._room.set()
            self.failures = 0
            self.commits += 1
            took = self._clock() - self._last_begin
            self.seconds += took
            self.histogram.observe(took)

    async def settle(self) -> None:
        """Wait until no transaction is under way."""
        async with self._lock:
            self._room.set()

    def stop(self) -> None:
        """Let ``run`` return once no transaction is under way."""
        self._stopping = True
        self.nudge()

    def close(self) -> None:
        """Stop the thread."""
        self._thread.shutdown(wait=False)

    async def _commit_all(self, assignment: Assignment) -> None:
        due = assignment.due
        changes = [task.take(self._snapshot_key) for task in due]
        predicted, assignment.predicted = assignment.predicted, []
        commit = partial(self._transactions.commit, changes, assignment.group)
        await self._in_time(commit, self._patience, "a commit")
        self.latency.committed(predicted)
        for task, change in zip(due, changes, strict=True):
            task.committed(change)
            for topic, offset in change.offsets.items():
                self.committed[topic, change.partition] = offset

    async def _in_time(self, work: Callable[[], None], seconds: float, what: str) -> None:
        # Librdkafka's own timeouts do not hold: where the broker went away in the middle,
        # send_offsets_to_transaction was seen to wait for ever.
        done = asyncio.get_running_loop().run_in_executor(self._thread, work)
        try:
            await asyncio.wait_for(done, seconds)
        except TimeoutError:
            raise TransactionLost(f"{what} has not ended after {seconds:g} s") from None
