"""The process of the page: there as long as its worker, and as often as it must."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from app.kafka.settings import KafkaSettings
from app.local_kafka.broker import free_ports
from app.page import process
from app.page.process import PageProcess, PortTaken
from app.page.told import words
from app.pipeline.load import Pipeline, load_pipeline

FILE = Path(__file__).parents[3] / "pipelines" / "fraud.toml"
HEALTH = {"ready": True, "partitions": [0], "events": 1, "commits": 2}
SECRET = "canary-of-a-password"
WITHIN = 60.0


def pipeline(port: int) -> Pipeline:
    return load_pipeline(FILE, {"worker.web_port": str(port)}, environ={})


def made(port: int) -> PageProcess:
    kafka = KafkaSettings("127.0.0.1:1", {"sasl.password": SECRET})
    return PageProcess(pipeline(port), kafka, lambda: words(HEALTH, {}, {}))


def health(port: int) -> Any:
    """What it says; None where nobody answers."""
    with suppress(OSError):
        url = f"http://127.0.0.1:{port}/health"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)
    return None


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(WITHIN):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.05)


@asynccontextmanager
async def running(port: int) -> AsyncIterator[PageProcess]:
    page = made(port)
    await page.start()
    try:
        yield page
    finally:
        await page.stop()


def run(test: Callable[[int], Awaitable[None]]) -> None:
    port, _ = free_ports(None)
    asyncio.run(asyncio.wait_for(test(port), 2 * WITHIN))


def test_it_says_what_the_worker_says_and_is_gone_when_that_stops() -> None:
    async def test(port: int) -> None:
        async with running(port) as page:
            await until(lambda: health(port) == HEALTH)
            pid = page.pid
        assert health(port) is None
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    run(test)


def test_it_is_started_again_when_it_ends_and_stays_on_its_port(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process, "PAUSE_SECONDS", 0.1)

    async def test(port: int) -> None:
        async with running(port) as page:
            await until(lambda: health(port) == HEALTH)
            first = page.pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            await until(lambda: page.pid != first and health(port) == HEALTH)
        assert "the page ended with code -9, it is started again" in caplog.text

    run(test)


def test_signals_of_the_terminal_are_the_workers() -> None:
    async def test(port: int) -> None:
        async with running(port) as page:
            await until(lambda: health(port) == HEALTH)
            first = page.pid
            assert first is not None
            for signum in (signal.SIGINT, signal.SIGTERM):
                os.kill(first, signum)
            await asyncio.sleep(0.3)
            assert health(port) == HEALTH
            assert page.pid == first

    run(test)


def test_a_page_that_does_not_listen_to_its_worker_does_not_hold_it_up() -> None:
    async def test(port: int) -> None:
        async with running(port) as page:
            await until(lambda: health(port) == HEALTH)
            assert page.pid is not None
            os.kill(page.pid, signal.SIGSTOP)
            await asyncio.sleep(0.5)

    run(test)


def test_it_has_the_lowest_priority_and_its_secrets_are_not_in_its_command_line() -> None:
    async def test(port: int) -> None:
        async with running(port) as page:
            await until(lambda: health(port) == HEALTH)
            assert page.pid is not None
            assert os.getpriority(os.PRIO_PROCESS, page.pid) == 19
            folder = Path(f"/proc/{page.pid}")
            if folder.exists():
                assert SECRET.encode() not in (folder / "cmdline").read_bytes()
                assert SECRET.encode() not in (folder / "environ").read_bytes()

    run(test)


ALONE = """
import asyncio, sys
sys.path.insert(0, {root!r})
from tests.app.page.test_process import made, until, health
async def main():
    page = made({port})
    await page.start()
    await until(lambda: health({port}))
    print(page.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


def test_it_ends_when_its_worker_is_killed() -> None:
    port, _ = free_ports(None)
    script = ALONE.format(root=str(FILE.parents[1]), port=port)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        assert re.fullmatch(rb"\d+\n", worker.stdout.readline())
        assert health(port) == HEALTH
        worker.kill()
    asyncio.run(until(lambda: health(port) is None))
    for each in process.listen("127.0.0.1", port):  # whoever comes next has the port
        each.close()


def test_a_port_that_is_taken_is_said_by_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LISTEN_SECONDS", 0.2)
    (taken,) = process.listen("127.0.0.1", 0)
    port = taken.getsockname()[1]
    with pytest.raises(
        PortTaken, match=rf"worker\.web_port = {port}: cannot listen on 127\.0\.0\.1"
    ):
        made(port)
    taken.close()
