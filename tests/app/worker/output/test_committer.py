"""When a commit is due, and what becomes of the tasks when it fails."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from app.kafka.partitions import TP
from app.worker.output.committer import Committer, CommitTimes
from app.worker.output.transactions import TransactionAborted, TransactionLost, Transactions
from app.worker.state.restore import Restored
from app.worker.tasks import Change
from learners.errors import NotSnapshotable
from tests.app.support import EVENTS, STAGE, batch, model, opened

INTERVAL, FLOOR = 0.2, 0.05


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Recording:
    """Transactions that all succeed: it keeps what they held."""

    def __init__(self) -> None:
        self.changes: list[Sequence[Change]] = []

    def commit(self, changes: Sequence[Change], group: Any) -> None:
        self.changes.append(changes)


class Blocking(Recording):
    """Transactions that end when they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def commit(self, changes: Sequence[Change], group: Any) -> None:
        super().commit(changes, group)
        assert self.go.wait(60)


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
        self.kafka, self.clock = kafka, Clock()
        self.opened = opened(folder, *(partitions or (0,)))
        self.assignment = self.opened.assignment
        self.numbers = dict.fromkeys(partitions or (0,), 0)
        self.committer = Committer(
            cast(Transactions, kafka),
            CommitTimes(INTERVAL, FLOOR),
            backlog=backlog,
            patience=patience,
            clock=self.clock,
        )
        self.committer.assignment = self.assignment

    def due_in(self, dump_seconds: float = 0.0) -> float:
        """Seconds until a commit is due, where a model takes so long to write."""
        for task in self.assignment.tasks.values():
            task.dump_seconds = dump_seconds
        seconds = self.committer.due_in()
        assert seconds is not None
        return seconds

    def work(self, partition: int = 0, count: int = 3, *, last: bool | None = None) -> None:
        """Process a batch; `last` tells whether it ends its round, None: it is of no round."""
        number = self.numbers[partition]
        self.numbers[partition] += 1
        made = batch(partition, number * count, count, number=number)
        if last is not None:
            made = replace(made, places=range(count), last=last)
        assert self.opened.process(made)
        self.committer.nudge()

    async def wait_for(self, commits: int) -> None:
        """Until so many commits began; the clock goes as far as it must."""
        while len(self.kafka.changes) < commits:
            self.clock.now += FLOOR
            self.committer.nudge()
            await asyncio.sleep(0.002)


@asynccontextmanager
async def running(scene: Scene) -> AsyncIterator[None]:
    """The committer commits when it is due; then it is told to stop, and does."""
    task = asyncio.create_task(scene.committer.run())
    yield
    scene.committer.stop()
    await task


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))


def test_the_first_commit_comes_at_once_and_the_next_after_the_interval(tmp_path: Path) -> None:
    async def play() -> None:
        scene = Scene(tmp_path, Recording())
        scene.work()
        assert scene.due_in() <= 0
        await scene.committer.commit()
        scene.work()
        assert scene.due_in() == pytest.approx(INTERVAL)
        scene.clock.now += INTERVAL
        assert scene.due_in() == pytest.approx(0)

    run(play())


def test_when_the_input_is_used_up_a_commit_waits_for_the_floor_alone(tmp_path: Path) -> None:
    async def play() -> None:
        scene = Scene(tmp_path, Recording())
        scene.work()
        await scene.committer.commit()
        scene.work()
        scene.assignment.all_fetched = True
        assert scene.due_in() == pytest.approx(FLOOR)

    run(play())


def test_what_is_due_is_committed_in_the_background(tmp_path: Path) -> None:
    async def play() -> None:
        scene = Scene(tmp_path, Recording())
        async with running(scene):
            for commits in (1, 2, 3):
                scene.work()
                await scene.wait_for(commits)

    run(play())


def test_nothing_is_committed_where_nothing_was_done(tmp_path: Path) -> None:
    async def play() -> None:
        scene = Scene(tmp_path, Recording())
        assert scene.committer.due_in() is None
        await scene.committer.commit()
        assert scene.kafka.changes == []

    run(play())


def test_a_backlog_is_committed_before_the_interval_is_over(tmp_path: Path) -> None:
    async def play() -> None:
        scene = Scene(tmp_path, Recording(), backlog=6)
        scene.work()
        await scene.committer.commit()
        scene.work(count=3)
        assert scene.due_in() == pytest.approx(INTERVAL)
        scene.work(count=3)
        assert scene.due_in() == pytest.approx(FLOOR)

    run(play())


def test_a_model_that_is_slow_to_write_is_written_a_tenth_of_the_time(tmp_path: Path) -> None:
    async def play() -> None:
        scene = Scene(tmp_path, Recording())
        scene.assignment.all_fetched = True
        scene.work()
        await scene.committer.commit()
        scene.work()
        assert scene.due_in(dump_seconds=0.05) == pytest.approx(0.5)

    run(play())


def test_nobody_waits_for_room_until_a_model_is_written_less_often(tmp_path: Path) -> None:
    async def play() -> None:
        scene = Scene(tmp_path, Recording(), backlog=3)
        scene.work()
        await scene.committer.commit()
        scene.work(count=3)
        assert scene.due_in(dump_seconds=0.05) == pytest.approx(0.5)
        scene.work(count=3)
        assert scene.due_in(dump_seconds=0.05) == pytest.approx(FLOOR)

    run(play())


def test_only_the_model_counts_as_slow_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What else is saved grows with what was done since: to wait spares none of it."""
    scene = Scene(tmp_path, Recording())
    scene.work()
    (task,) = scene.assignment.tasks.values()
    clock = Clock()

    def slow_to_save() -> None:
        clock.now += 5.0

    monkeypatch.setattr("app.worker.tasks.perf_counter", clock)
    monkeypatch.setattr(task.agent, "save", slow_to_save)
    assert len(task.take().state) > 1
    assert task.dump_seconds == 0.0


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
        assert not scene.assignment.tasks
        assert (scene.committer.failures, scene.committer.commits) == (1, 0)

    run(play())


def test_after_a_failure_the_void_state_is_free_without_a_collection(tmp_path: Path) -> None:
    async def play() -> None:
        kafka = Failing()
        kafka.go.set()
        scene = Scene(tmp_path, kafka)
        scene.work()
        (task,) = scene.assignment.tasks.values()
        held: list[Any] = [weakref.ref(task.state), weakref.ref(task.agent)]
        del task
        try:
            await scene.committer.commit()
        except TransactionAborted:
            pass
        else:
            raise AssertionError("it was not rolled back")
        assert [ref() for ref in held] == [None, None]

    gc.collect()
    gc.disable()
    try:
        run(play())
    finally:
        gc.enable()


def test_a_commit_that_never_ends_is_given_up(tmp_path: Path) -> None:
    async def play() -> None:
        kafka = Blocking()
        scene = Scene(tmp_path, kafka, patience=0.1)
        scene.work()
        with pytest.raises(TransactionLost, match=r"not ended after 0\.1 s"):
            await scene.committer.commit()
        assert not scene.assignment.tasks
        kafka.go.set()

    run(play())


def test_a_task_that_cannot_be_saved_voids_all_of_them(tmp_path: Path) -> None:
    async def play() -> None:
        scene = Scene(tmp_path, Recording(), 0, 1)
        scene.work(0)
        scene.work(1)
        broken = model(scene.assignment.tasks[TP(EVENTS, 1)])
        broken.spec = replace(broken.spec, params={"broken": object()})
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
            scene.clock.now += INTERVAL
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
        scene.assignment.all_fetched = True
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
                await asyncio.wait_for(scene.committer.room(), 60)
                scene.work(0, last=False)
            await asyncio.wait_for(scene.committer.room(), 60)
            scene.work(1, last=True)
            await scene.wait_for(1)
            for _ in range(2):
                scene.work(0, last=True)
            room = asyncio.create_task(scene.committer.room())
            await asyncio.sleep(0.05)
            assert not room.done()
            scene.clock.now += INTERVAL
            kafka.go.set()
            await room

    run(play())


def test_a_round_of_tasks_that_are_dropped_is_open_no_more(tmp_path: Path) -> None:
    made = opened(tmp_path, 0, 1)
    part = replace(batch(0), places=range(3), last=False)
    made.process(part)
    assert not made.assignment.whole
    made.assignment.drop()
    assert made.assignment.whole
    made.process(part)
    assert made.assignment.whole, "a batch of tasks that are gone opens none"


def test_a_round_is_that_of_its_assignment(tmp_path: Path) -> None:
    made = opened(tmp_path, 0, 1)
    earlier = made.assignment
    made.open({(STAGE, p): Restored({}, {EVENTS: None}) for p in (0, 1)})
    part = replace(batch(0), places=range(3), last=False)
    made.processor.process(replace(part, assignment=earlier))
    assert made.assignment.whole, "a batch of an earlier one opens none"
    made.process(part)
    made.processor.process(replace(batch(1), places=range(3), assignment=earlier))
    assert not made.assignment.whole, "nor does it end one"


def test_a_commit_that_waited_through_a_rebalance_commits_the_next_assignment(
    tmp_path: Path,
) -> None:
    async def play() -> None:
        kafka = Blocking()
        scene = Scene(tmp_path, kafka)
        scene.work()
        first = asyncio.create_task(scene.committer.commit())
        await scene.wait_for(1)
        second = asyncio.create_task(scene.committer.commit())
        await asyncio.sleep(0.02)
        scene.assignment.drop()
        scene.opened.open({(STAGE, 0): Restored({}, {EVENTS: 40}, chosen=True)})
        scene.committer.assignment = scene.opened.assignment
        kafka.go.set()
        await first
        await second
        assert [c.offsets for (c,) in kafka.changes] == [{EVENTS: 3}, {EVENTS: 40}]

    run(play())
