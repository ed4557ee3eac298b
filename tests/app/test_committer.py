"""When a commit is due, and what becomes of the tasks when it fails."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from app.worker.committer import Committer, CommitTimes
from app.worker.fetching import TP
from app.worker.processor import Processor
from app.worker.tasks import Change
from app.worker.transactions import TransactionAborted, TransactionLost, Transactions
from learners.errors import NotSnapshotable
from tests.app.support import EVENTS, batch, model, processor

INTERVAL, FLOOR = 0.2, 0.05


class Recording:
    """Transactions that all succeed: it keeps what they held, and when they began."""

    def __init__(self) -> None:
        self.changes: list[Sequence[Change]] = []
        self.times: list[float] = []

    def commit(self, changes: Sequence[Change], group: Any) -> None:
        self.times.append(time.monotonic())
        self.changes.append(changes)


class Blocking(Recording):
    """Transactions that end when they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def commit(self, changes: Sequence[Change], group: Any) -> None:
        super().commit(changes, group)
        assert self.go.wait(10)


class Failing(Blocking):
    """The first transaction is rolled back once it is let go."""

    def commit(self, changes: Sequence[Change], group: Any) -> None:
        super().commit(changes, group)
        if len(self.changes) == 1:
            raise TransactionAborted("rolled back")


class Scene:
    """A committer over real tasks, with one fake producer."""

    def __init__(
        self,
        folder: Path,
        kafka: Recording,
        *partitions: int,
        backlog: int = 1000,
        patience: float = 9.0,
    ):
        self.kafka, self.idle = kafka, False
        self.processor: Processor = processor(folder, *(partitions or (0,)))
        self.numbers = dict.fromkeys(partitions or (0,), 0)
        self.committer = Committer(
            cast(Transactions, kafka),
            CommitTimes(INTERVAL, FLOOR),
            tasks=lambda: self.processor.tasks.values(),
            group=lambda: "group",
            idle=lambda: self.idle,
            whole=lambda: self.processor.whole,
            on_failure=self.processor.forget,
            backlog=backlog,
            patience=patience,
        )

    def work(self, partition: int = 0, count: int = 3, *, last: bool | None = None) -> None:
        """Process a batch; `last` tells whether it ends its round, None: it is of no round."""
        number = self.numbers[partition]
        self.numbers[partition] += 1
        made = batch(partition, number * count, count, number=number)
        if last is not None:
            made = replace(made, places=range(count), last=last)
        assert self.processor.process(made)
        self.committer.nudge()

    async def wait_for(self, commits: int, within: float = 5.0) -> float:
        """The seconds until so many commits began."""
        started = time.monotonic()
        while len(self.kafka.times) < commits:
            assert time.monotonic() - started < within, "no commit came"
            await asyncio.sleep(0.002)
        return self.kafka.times[commits - 1] - started


@asynccontextmanager
async def running(scene: Scene) -> AsyncIterator[None]:
    """The committer commits when it is due; then it is told to stop, and does."""
    task = asyncio.create_task(scene.committer.run())
    yield
    scene.committer.stop()
    await task


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 20))


def test_the_first_commit_comes_at_once_and_the_next_after_the_interval(tmp_path: Path) -> None:
    async def play() -> None:
        scene = Scene(tmp_path, Recording())
        async with running(scene):
            scene.work()
            assert await scene.wait_for(1) < INTERVAL / 2
            scene.work()
            assert await scene.wait_for(2) > INTERVAL * 0.8

    run(play())


def test_when_the_input_is_used_up_a_commit_waits_for_the_floor_alone(tmp_path: Path) -> None:
    async def play() -> None:
        scene = Scene(tmp_path, Recording())
        scene.idle = True
        async with running(scene):
            for _ in range(3):
                scene.work()
                await asyncio.sleep(0.01)
            await scene.wait_for(2)
            first, second = scene.kafka.times[:2]
            assert FLOOR * 0.9 < second - first < INTERVAL * 0.7

    run(play())


def test_nothing_is_committed_where_nothing_was_done(tmp_path: Path) -> None:
    async def play() -> None:
        scene = Scene(tmp_path, Recording())
        async with running(scene):
            scene.committer.nudge()
            await asyncio.sleep(0.05)
            await scene.committer.commit()
            assert scene.kafka.times == []

    run(play())


def test_a_backlog_is_committed_before_the_interval_is_over(tmp_path: Path) -> None:
    async def play() -> None:
        scene = Scene(tmp_path, Recording(), backlog=6)
        async with running(scene):
            scene.work()
            await scene.wait_for(1)
            scene.work(count=3)
            scene.work(count=3)
            assert await scene.wait_for(2) < INTERVAL * 0.7

    run(play())


def test_a_model_that_is_slow_to_write_is_written_a_tenth_of_the_time(tmp_path: Path) -> None:
    async def play() -> None:
        scene = Scene(tmp_path, Recording())
        scene.idle = True
        async with running(scene):
            scene.work()
            await scene.wait_for(1)
            scene.processor.tasks[TP(EVENTS, 0)].dump_seconds = 0.05
            scene.work()
            assert await scene.wait_for(2) > 0.4

    run(play())


def test_one_transaction_holds_what_all_tasks_did(tmp_path: Path) -> None:
    async def play() -> None:
        scene = Scene(tmp_path, Recording(), 0, 1, 2)
        scene.work(0)
        scene.work(2)
        await scene.committer.commit()
        (changes,) = scene.kafka.changes
        assert [(c.partition, c.offsets) for c in changes] == [(0, {EVENTS: 3}), (2, {EVENTS: 3})]

    run(play())


def test_work_goes_on_beside_a_commit_and_is_in_the_next_one(tmp_path: Path) -> None:
    async def play() -> None:
        kafka = Blocking()
        scene = Scene(tmp_path, kafka)
        scene.work()
        first = asyncio.create_task(scene.committer.commit())
        await scene.wait_for(1)
        scene.work()
        kafka.go.set()
        await first
        await scene.committer.commit()
        assert [c.offsets for (c,) in kafka.changes] == [{EVENTS: 3}, {EVENTS: 6}]

    run(play())


def test_after_a_failure_the_next_in_line_finds_no_task(tmp_path: Path) -> None:
    async def play() -> None:
        kafka = Failing()
        scene = Scene(tmp_path, kafka)
        scene.work()
        first = asyncio.create_task(scene.committer.commit())
        await scene.wait_for(1)
        scene.work()  # on top of what is about to be rolled back
        second = asyncio.create_task(scene.committer.commit())
        await asyncio.sleep(0.02)
        kafka.go.set()
        with pytest.raises(TransactionAborted):
            await first
        await second
        assert len(kafka.changes) == 1, "void work was committed"
        assert not scene.processor.tasks
        assert (scene.committer.failures, scene.committer.commits) == (1, 0)

    run(play())


def test_a_commit_that_never_ends_is_given_up(tmp_path: Path) -> None:
    async def play() -> None:
        kafka = Blocking()
        scene = Scene(tmp_path, kafka, patience=0.1)
        scene.work()
        with pytest.raises(TransactionLost, match=r"not ended after 0\.1 s"):
            await scene.committer.commit()
        assert not scene.processor.tasks
        kafka.go.set()

    run(play())


def test_a_task_that_cannot_be_saved_voids_all_of_them(tmp_path: Path) -> None:
    async def play() -> None:
        scene = Scene(tmp_path, Recording(), 0, 1)
        scene.work(0)
        scene.work(1)
        model(scene.processor.tasks[TP(EVENTS, 1)]).params["broken"] = object()
        with pytest.raises(NotSnapshotable):
            await scene.committer.commit()
        await scene.committer.commit()
        assert scene.kafka.changes == [], "the first task's outputs were lost"

    run(play())


def test_too_much_that_is_not_committed_holds_the_agents_up(tmp_path: Path) -> None:
    async def play() -> None:
        kafka = Blocking()
        scene = Scene(tmp_path, kafka, backlog=3)
        async with running(scene):
            scene.work()
            await scene.wait_for(1)
            scene.work()
            scene.work()
            room = asyncio.create_task(scene.committer.room())
            await asyncio.sleep(0.05)
            assert not room.done()
            kafka.go.set()
            await room

    run(play())


def test_a_stop_waits_for_the_commit_under_way(tmp_path: Path) -> None:
    async def play() -> None:
        kafka = Blocking()
        scene = Scene(tmp_path, kafka)
        task = asyncio.create_task(scene.committer.run())
        scene.work()
        await scene.wait_for(1)
        scene.committer.stop()
        await asyncio.sleep(0.05)
        assert not task.done()
        kafka.go.set()
        await task
        assert scene.committer.commits == 1

    run(play())


def test_nothing_is_committed_in_the_middle_of_a_round(tmp_path: Path) -> None:
    async def play() -> None:
        scene = Scene(tmp_path, Recording(), 0, 1, 2)
        scene.idle = True
        async with running(scene):
            scene.work(0, last=False)
            scene.work(2)
            await asyncio.sleep(3 * FLOOR)
            await scene.committer.commit()
            assert scene.kafka.changes == []
            scene.work(1, last=True)
            await scene.wait_for(1)
            (changes,) = scene.kafka.changes
            assert [change.partition for change in changes] == [0, 1, 2]

    run(play())


def test_a_commit_that_waited_for_another_begins_in_no_open_round(tmp_path: Path) -> None:
    async def play() -> None:
        kafka = Blocking()
        scene = Scene(tmp_path, kafka, 0, 1)
        scene.work()
        first = asyncio.create_task(scene.committer.commit())
        await scene.wait_for(1)
        scene.work(1, last=True)
        second = asyncio.create_task(scene.committer.commit())
        await asyncio.sleep(0.02)
        scene.work(0, last=False)
        kafka.go.set()
        await first
        await second
        assert len(kafka.changes) == 1
        scene.work(1, last=True)
        await scene.committer.commit()
        assert [c.offsets for c in kafka.changes[1]] == [{EVENTS: 6}, {EVENTS: 6}]

    run(play())


def test_a_round_may_end_whatever_is_not_committed_and_then_there_is_no_room(
    tmp_path: Path,
) -> None:
    async def play() -> None:
        kafka = Blocking()
        scene = Scene(tmp_path, kafka, 0, 1, backlog=3)
        async with running(scene):
            for _ in range(4):
                await asyncio.wait_for(scene.committer.room(), 5)
                scene.work(0, last=False)
            await asyncio.wait_for(scene.committer.room(), 5)
            scene.work(1, last=True)
            await scene.wait_for(1)
            for _ in range(2):
                scene.work(0, last=True)
            room = asyncio.create_task(scene.committer.room())
            await asyncio.sleep(0.05)
            assert not room.done()
            kafka.go.set()
            await room

    run(play())


def test_a_round_of_tasks_that_are_forgotten_is_open_no_more(tmp_path: Path) -> None:
    made = processor(tmp_path, 0, 1)
    part = replace(batch(0), places=range(3), last=False)
    made.process(part)
    assert not made.whole
    made.forget()
    assert made.whole
    made.process(part)
    assert made.whole, "a batch of tasks that are gone opens none"
    again = processor(tmp_path, 0, 1, epoch=2)
    again.process(part)
    assert again.whole, "neither does one of an earlier assignment"
    again.process(replace(batch(0, epoch=2), places=range(3), last=False))
    again.process(replace(batch(1), places=range(3)))
    assert not again.whole, "nor does it end one"
