"""The routes: the page, its files, its stream, and the health of the worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

import msgspec
from aiohttp import web
from aiohttp.typedefs import Middleware
from prometheus_client import CONTENT_TYPE_LATEST
from yarl import URL

from app.page.connections import Connections
from app.page.controls import Controls

STATIC = Path(__file__).with_name("static")
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}

MAX_CLIENTS = 20
TICK_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
WRITE_SECONDS = 5.0
"""Who does not take what was written within this time is dropped."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        " img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

CHANGES = ("version", "worker", "ready", "story")
"""What is told at once when it changes."""

STREAM = {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
"""A proxy shall pass each event on at once."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Source(Protocol):
    """What is shown; see ``Feed``."""

    def about(self) -> dict[str, Any]: ...
    def since(self, version: int) -> dict[str, Any]: ...


class Looking(Protocol):
    """Who is told when somebody looks; see ``PageReader``."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def join(self, seconds: float) -> None: ...
    def look(self, by: int) -> None: ...


class Worker(Protocol):
    """What is known of the worker; see ``Told``."""

    def health(self) -> dict[str, Any]: ...
    def alive(self) -> dict[str, Any]: ...
    def measures(self) -> dict[str, Any]: ...
    def counts(self) -> dict[str, Any]: ...


class Metrics(Protocol):
    """What ``/metrics`` says; see ``WorkerMetrics``."""

    def text(self, health: Mapping[str, Any], said: Mapping[str, Any]) -> bytes: ...


class Page:
    """Serves the page to some clients at a time.

    A connection has one request, without a body.

    Args:
        feed: What the pipeline did.
        reader: Fills the feed; started and stopped with the server.
        worker: What this worker did, and how it is.
        metrics: For Prometheus.
        figures: Fills what the metrics need of Kafka, for a while after each scrape.
        host: The address that the server is bound to. On loopback a request must name loopback,
            so that no page of another site can reach this one under a name of its own.
        story: What a demo tells; None where there is none.
        controls: Take what the visitors of a demo ask for; on loopback only.

    Attributes:
        connections: Bounds for whoever serves this.
    """

    def __init__(
        self,
        feed: Source,
        reader: Looking,
        worker: Worker,
        metrics: Metrics,
        figures: Looking,
        host: str,
        story: Callable[[], dict[str, Any] | None] = lambda: None,
        controls: Controls | None = None,
    ) -> None:
        self.connections = Connections()
        self._feed = feed
        self._reader = reader
        self._worker = worker
        self._metrics = metrics
        self._story = story
        self._controls = controls if controls and _is_loopback(host) else Controls(None)
        self._figures = figures
        self._names = {"localhost", "127.0.0.1", "::1", host} if _is_loopback(host) else None
        self._files = {file.name: file.read_bytes() for file in STATIC.iterdir()}
        self._clients = 0
        self._closing = asyncio.Event()

    def install(self, app: web.Application) -> None:
        """Add the routes, and what holds for every route of `app`."""
        app.router.add_get("/", self._index)
        app.router.add_get("/health", self._health)
        app.router.add_get("/healthz", self._alive)
        app.router.add_get("/readyz", self._health)
        app.router.add_get("/metrics", self._scrape)
        app.router.add_get("/static/{name}", self._static)
        app.router.add_get("/stream", self._stream, allow_head=False)
        app.router.add_post("/control/{order}", self._control)
        app.middlewares.append(self._guard())
        app.on_response_prepare.append(_add_headers)
        app.on_startup.append(self._start)
        app.on_shutdown.append(self._stop)

    async def _start(self, app: web.Application) -> None:
        self._reader.start()
        self._figures.start()

    async def _stop(self, app: web.Application) -> None:
        self._closing.set()
        for each in (self._reader, self._figures):
            each.stop()
        for each in (self._reader, self._figures):
            await asyncio.to_thread(each.join, 1.0)

    def _guard(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                response = self._refused(request) or await handler(request)
            except web.HTTPException as error:
                error.force_close()
                raise
            response.force_close()
            return response

        return guard

    def _refused(self, request: web.Request) -> web.Response | None:
        if self._names is not None and not _names_one_of(request, self._names):
            return web.Response(status=421, text="this host is not served here\n")
        if request.can_read_body:
            return web.Response(status=413, text="nothing here takes a body\n")
        return None

    async def _health(self, request: web.Request) -> web.Response:
        said = self._worker.health()
        return web.json_response(said, status=200 if said["ready"] else 503)

    async def _alive(self, request: web.Request) -> web.Response:
        said = self._worker.alive()
        return web.json_response(said, status=200 if said["alive"] else 503)

    async def _scrape(self, request: web.Request) -> web.Response:
        self._figures.look(0)
        said = self._metrics.text(self._worker.health(), self._worker.measures())
        return web.Response(body=said, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _control(self, request: web.Request) -> web.Response:
        offered = (self._story() or {}).get("controls", ())
        known = [control["order"] for control in offered if control["on"]]
        answer = self._controls.take(request, request.match_info["order"], known)
        return web.Response(status=answer, text=f"{answer.name.lower()}\n")

    async def _index(self, request: web.Request) -> web.Response:
        return self._file("index.html")

    async def _static(self, request: web.Request) -> web.Response:
        return self._file(request.match_info["name"])

    def _file(self, name: str) -> web.Response:
        body = self._files.get(name)
        if body is None:
            return web.Response(status=404, text="there is no such file\n")
        return web.Response(body=body, content_type=TYPES[Path(name).suffix], charset="utf-8")

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: a snapshot, then what changes, with a heartbeat when it is quiet."""
        if self._clients >= MAX_CLIENTS:
            said = f"{MAX_CLIENTS} pages are open already\n"
            return web.Response(status=503, text=said, headers={"Retry-After": "10"})
        self.connections.release(request.transport)
        response = web.StreamResponse(headers=STREAM)
        response.force_close()
        async with self._client():
            try:
                await response.prepare(request)
                await self._send(request, response)
            except (ConnectionError, TimeoutError):
                if request.transport is not None:
                    request.transport.abort()
        return response

    async def _send(self, request: web.Request, response: web.StreamResponse) -> None:
        said = {"about": self._feed.about(), "token": self._controls.token, **self._said(0)}
        await _write(response, _event("snapshot", said))
        written = monotonic()
        while await self._tick() and _is_there(request):
            before, said = said, self._said(said["version"])
            if any(said[name] != before[name] for name in CHANGES):
                await _write(response, _event("change", said))
                written = monotonic()
            elif monotonic() - written >= HEARTBEAT_SECONDS:
                await _write(response, b": still here\n\n")
                written = monotonic()

    def _said(self, version: int) -> dict[str, Any]:
        health = self._worker.health()
        return {
            "worker": self._worker.counts(),
            "ready": health["ready"],
            "reasons": health.get("reasons", []),
            "story": self._story(),
            **self._feed.since(version),
        }

    async def _tick(self) -> bool:
        """Wait a moment; False once the server stops."""
        try:
            await asyncio.wait_for(self._closing.wait(), TICK_SECONDS)
        except TimeoutError:
            return True
        return False

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[None]:
        self._clients += 1
        self._reader.look(1)
        try:
            yield
        finally:
            self._clients -= 1
            self._reader.look(-1)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


async def _write(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_SECONDS):
        await response.write(data)


def _event(name: str, said: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(said))


def _is_there(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _names_one_of(request: web.Request, names: set[str]) -> bool:
    """Whether the request is for one of these hosts, at whichever port; all browsers name one."""
    said = request.headers.get("Host")
    if said is None:
        return True
    try:
        return URL(f"http://{said}").host in names
    except ValueError:
        return False
