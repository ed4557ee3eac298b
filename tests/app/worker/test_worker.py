"""How a worker ends."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from app.kafka.asking import RestoreStopped
from app.kafka.partitions import TP
from app.kafka.settings import KafkaSettings
from app.worker import build
from app.worker.assignment import Assignment
from app.worker.output.transactions import TransactionAborted
from app.worker.state.restore import Restored
from app.worker.worker import MAX_FAILURES, Worker
from tests.app.support import EVENTS, STAGE, pipeline


class RolledBack:
    """A committer whose transaction was rolled back."""

    failures = 1

    async def run(self) -> None:
        raise TransactionAborted("rolled back")


class Stopped:
    """A consumer that is to stop while the state is restored."""

    async def restart(self) -> None:
        raise RestoreStopped("stopped")


def new_worker(folder: Path) -> Worker:
    kafka = KafkaSettings("127.0.0.1:1")
    return build.new_worker(pipeline(folder), kafka, partitions={EVENTS: 1, "said": 1})


def test_a_stop_while_the_state_is_restored_is_no_failure(tmp_path: Path) -> None:
    async def failure() -> BaseException | None:
        worker = new_worker(tmp_path)
        worker._committer = cast(Any, RolledBack())
        worker.app.consumer = cast(Any, Stopped())
        await worker.commit_when_due()
        worker.stopped()
        return worker.failure

    assert asyncio.run(failure()) is None


def test_a_restore_that_comes_after_the_stop_is_stopped_too(tmp_path: Path) -> None:
    async def restored_when_closed() -> None:
        worker = new_worker(tmp_path)
        await worker.closing()
        worker.stopped()
        await worker.restore(Assignment((TP(EVENTS, 0),)))

    with pytest.raises(RestoreStopped):
        asyncio.run(restored_when_closed())


class Refusing:
    """A committer whose next transactions are rolled back, so many of them."""

    def __init__(self, times: int) -> None:
        self.times, self.failures = times, 0
        self.assignment = Assignment()

    async def settle(self) -> None:
        """Nothing is under way."""

    async def commit(self) -> None:
        if self.failures < self.times:
            self.failures += 1
            raise TransactionAborted("rolled back")


class AtTheEnd:
    """Restores a partition that was never committed, and begins at its end."""

    restores = 0

    async def restore(self, _: Any) -> Any:
        self.restores += 1
        return {(STAGE, 0): Restored({}, {EVENTS: 40 + self.restores}, chosen=True)}

    async def nothing_between(self, _: Any) -> bool:
        return True


@pytest.mark.parametrize("times", [1, MAX_FAILURES])
def test_ends_that_could_not_be_committed_are_chosen_again_but_not_for_ever(
    tmp_path: Path, times: int
) -> None:
    async def restored() -> Any:
        worker = new_worker(tmp_path)
        worker._committer = cast(Any, Refusing(times))
        worker._parts = replace(worker._parts, restorers=cast(Any, AtTheEnd()))
        return await worker.restore(Assignment((TP(EVENTS, 0),)))

    if times < MAX_FAILURES:
        assert asyncio.run(restored()) == {TP(EVENTS, 0): 42}
    else:
        with pytest.raises(TransactionAborted):
            asyncio.run(restored())
