"""Serves the health and the metrics of a sink, from a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from app.page.connections import Connections
from app.page.process import listen
from app.sinks.report import Report

STOP_SECONDS = 2.0


@contextmanager
def serving(report: Report, host: str, port: int | None, key: str) -> Iterator[int]:
    """Answer `/health`, `/healthz`, `/readyz` and `/metrics` in here; yields the port.

    Args:
        report: What is answered.
        host: Where to listen.
        port: Where to listen; any that is free unless given.
        key: The setting of the port.

    Raises:
        PortTaken: It cannot listen there.
    """
    sockets = listen(host, port or 0, key)
    loop = asyncio.new_event_loop()
    done = asyncio.Event()
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(_serve(report, sockets, done)),
        name="sink-health",
        daemon=True,
    )
    thread.start()
    try:
        yield int(sockets[0].getsockname()[1])
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(STOP_SECONDS)
        if not thread.is_alive():
            loop.close()
        for each in sockets:
            each.close()


async def _serve(report: Report, sockets: list[socket], done: asyncio.Event) -> None:
    application = web.Application()
    application.router.add_get("/health", _health(report))
    application.router.add_get("/readyz", _health(report))
    application.router.add_get("/healthz", _alive)
    application.router.add_get("/metrics", _metrics(report))
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    make: Any = runner.server
    bounded, loop = Connections().bound(make), asyncio.get_running_loop()
    servers = [await loop.create_server(bounded, sock=each) for each in sockets]
    await done.wait()
    for server in servers:
        server.close()
    await runner.cleanup()


def _health(report: Report) -> Any:
    async def answer(_: web.Request) -> web.Response:
        health = report.health()
        return web.json_response(health, status=200 if health["ready"] else 503)

    return answer


def _metrics(report: Report) -> Any:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=report.metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return answer


async def _alive(_: web.Request) -> web.Response:
    return web.json_response({"alive": True})
