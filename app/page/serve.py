"""The process of the page: it serves until the pipe from its worker is closed."""

from __future__ import annotations

import asyncio
import os
import pickle  # nosec B403 # for a pipe of its own
import resource
import signal
import socket
import sys
from typing import Any

from aiohttp import web

from app import logs
from app.kafka.settings import KafkaSettings
from app.page import controls, story
from app.page.controls import Controls
from app.page.feed import Feed
from app.page.metrics import WorkerMetrics
from app.page.reader import PageReader
from app.page.scraped import Scraped
from app.page.server import Page
from app.page.story import Story
from app.page.told import Told
from app.pipeline.model import Pipeline

LOWEST_PRIORITY = 19
FILES = 1024
"""Open files: enough for all connections and for Kafka's clients, however few a worker may have."""
LINE_BYTES = 2**24
STOP_SECONDS = 1.0
SCRAPED_SECONDS = 180.0
"""For so long after a scrape the next one is waited for."""
TOLD_SECONDS = 30.0
"""The worker may be silent for so much longer than a batch may take."""


def main() -> None:
    """Serve on the listening sockets that the arguments number."""
    for signum in (signal.SIGINT, signal.SIGTERM):  # these are the worker's: it is then told
        signal.signal(signum, signal.SIG_IGN)
    os.nice(LOWEST_PRIORITY)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    asyncio.run(_run([socket.socket(fileno=int(number)) for number in sys.argv[1:]]))
    os._exit(0)  # at once: threads that still read from Kafka have nothing to lose


async def _run(sockets: list[socket.socket]) -> None:
    pipe = asyncio.StreamReader(limit=LINE_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(pipe), sys.stdin)
    try:
        size = int.from_bytes(await pipe.readexactly(8), "big")
        # The pipe is the worker's, and nobody else's.
        first = pickle.loads(await pipe.readexactly(size))  # nosec B301 # see above
        pipeline, servers, properties, level, form = first
    except asyncio.IncompleteReadError:
        return
    _log(level, form)
    told = Told(pipeline.worker.processing_timeout + TOLD_SECONDS)
    page = _page(pipeline, KafkaSettings(servers, properties), told)
    runner, listening = await serve(page, sockets)
    async for line in pipe:
        told.hear(line)
    for server in listening:
        server.close()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await runner.cleanup()
    except TimeoutError:
        pass


def _page(pipeline: Pipeline, kafka: KafkaSettings, told: Told) -> Page:
    feed, scraped = Feed(pipeline), Scraped(pipeline)
    return Page(
        feed,
        PageReader(pipeline, kafka, feed),
        told,
        WorkerMetrics(pipeline, scraped),
        PageReader(pipeline, kafka, scraped, SCRAPED_SECONDS),
        pipeline.worker.web_host,
        Story(os.environ.get(story.VARIABLE)).said,
        Controls(os.environ.get(controls.VARIABLE)),
    )


async def serve(
    page: Page, sockets: list[socket.socket]
) -> tuple[web.AppRunner, list[asyncio.Server]]:
    """Serve a page on listening sockets; the runner ends it."""
    application = web.Application()
    page.install(application)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    make: Any = runner.server
    bounded, loop = page.connections.bound(make), asyncio.get_running_loop()
    return runner, [await loop.create_server(bounded, sock=each) for each in sockets]


def _log(level: int, form: logs.Form) -> None:
    """Log as the worker does, but so much a minute at most: clients cause some of it."""
    logs.start(level, form).addFilter(logs.AtMost())
