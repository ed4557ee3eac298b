"""The process of the page, as its worker sees it.

The page is no part of the worker's process: whatever its clients do costs their own process
time, memory and files, at the lowest priority, and never those of the stream. The worker tells
it through a pipe how it is; nothing comes back.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle  # nosec B403 # for a pipe of its own
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from mode import Service

import app
from app import logs
from app.errors import RiverrunError
from app.kafka.settings import KafkaSettings
from app.pipeline.model import Pipeline

LOOK_SECONDS = 0.1
TELL_SECONDS = 1.0
"""So often the page is told at least, so that it knows that the worker is alive."""
PAUSE_SECONDS = 2.0
STOP_SECONDS = 2.0
LISTEN_SECONDS = 5.0
"""So long the page of a worker that was killed may still hold the port."""

log = logging.getLogger("riverrun.page")


class PortTaken(RiverrunError, OSError):
    """The page cannot listen where the pipeline file says."""


class PageProcess(Service):
    """Serves the page of a pipeline from a process of its own, for as long as a worker runs.

    Where that process ends by itself, it is started again; the stream does not notice.

    Args:
        pipeline: What is shown, and where the page listens.
        kafka: Reaches its topics.
        words: A line about the worker, see `told.words`.

    Raises:
        PortTaken: It cannot listen there.
    """

    def __init__(
        self, pipeline: Pipeline, kafka: KafkaSettings, words: Callable[[], bytes]
    ) -> None:
        super().__init__()
        settings = (pipeline, kafka.bootstrap_servers, dict(kafka.properties))
        self._first = pickle.dumps((*settings, log.getEffectiveLevel(), logs.started_as()))
        self._words = words
        self._sockets = listen(pipeline.worker.web_host, pipeline.worker.web_port or 0)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._sockets[0].getsockname()[1])

    @property
    def pid(self) -> int | None:
        """Of its process, if that runs."""
        return self._process.pid if self._process else None

    async def on_stop(self) -> None:
        """End the process: it does so when its pipe is closed."""
        for each in self._sockets:
            each.close()
        if self._process is not None:
            await self._end(self._process)

    @Service.task
    async def _keep(self) -> None:
        while not self.should_stop:
            self._process = await self._start()
            await self._tell(self._process)
            if not self.should_stop:
                code = self._process.returncode
                log.warning("the page ended with code %s, it is started again", code)
                await asyncio.sleep(PAUSE_SECONDS)

    async def _start(self) -> asyncio.subprocess.Process:
        numbers = [each.fileno() for each in self._sockets]
        root = str(Path(app.__file__).parents[1])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "app.page", *map(str, numbers)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            pass_fds=numbers,
            env=os.environ | {"PYTHONPATH": path},
        )
        assert process.stdin is not None
        process.stdin.write(len(self._first).to_bytes(8, "big") + self._first)
        return process

    async def _tell(self, process: asyncio.subprocess.Process) -> None:
        """Say how the worker is until either ends; a page that does not read is not waited for."""
        pipe, last, due = process.stdin, b"", 0.0
        assert pipe is not None
        while process.returncode is None and not self.should_stop:
            said = self._words()
            free = pipe.transport.get_write_buffer_size() == 0
            if free and (said != last or time.monotonic() >= due):
                pipe.write(said)
                last, due = said, time.monotonic() + TELL_SECONDS
            await asyncio.sleep(LOOK_SECONDS)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def listen(host: str, port: int, key: str = "worker.web_port") -> list[socket.socket]:
    """Sockets that listen on all addresses of a host; `key` is the setting of the port.

    Raises:
        PortTaken: That is not possible.
    """
    deadline = time.monotonic() + LISTEN_SECONDS
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        places = sorted({(family, address) for family, _, _, _, address in found})
        return [_bound(family, address, deadline) for family, address in places]
    except OSError as error:
        raise PortTaken(
            f"{key} = {port}: cannot listen on {host}:{port}: {error.strerror}"
        ) from None


def _bound(family: int, address: tuple[object, ...], deadline: float) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        while True:
            try:
                made.bind(address)
                made.listen(128)
                return made
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
    except BaseException:
        made.close()
        raise
