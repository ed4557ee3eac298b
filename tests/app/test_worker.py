"""How a worker ends."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

from app.kafka.settings import KafkaSettings
from app.worker.restore import RestoreStopped
from app.worker.transactions import TransactionAborted
from app.worker.worker import Worker
from tests.app.support import EVENTS, pipeline


class RolledBack:
    """A committer whose transaction was rolled back."""

    failures = 1

    async def run(self) -> None:
        raise TransactionAborted("rolled back")


class Stopped:
    """A consumer that is to stop while the state is restored."""

    async def restart(self) -> None:
        raise RestoreStopped("stopped")


def test_a_stop_while_the_state_is_restored_is_no_failure(tmp_path: Path) -> None:
    async def failure() -> BaseException | None:
        kafka = KafkaSettings("127.0.0.1:1")
        worker = Worker(pipeline(tmp_path), kafka, partitions={EVENTS: 1, "said": 1})
        worker.committer = cast(Any, RolledBack())
        worker.app.consumer = cast(Any, Stopped())
        await worker.commit_when_due()
        worker.stopped()
        return worker.failure

    assert asyncio.run(failure()) is None
