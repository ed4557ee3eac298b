"""The routes of the page: what is served, to whom, and to how many."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from app.page import server
from app.page.server import MAX_CLIENTS, STATIC, Page

Client = TestClient[web.Request, web.Application]


class Numbers:
    """A feed whose one fact is its version."""

    version = 1

    def about(self) -> dict[str, Any]:
        return {"pipeline": "fraud"}

    def since(self, version: int) -> dict[str, Any]:
        return {"version": self.version, "before": version}


class Looks:
    """Notes who looks."""

    def __init__(self) -> None:
        self.now = 0
        self.said: list[str] = []

    def start(self) -> None:
        self.said.append("start")

    def stop(self) -> None:
        self.said.append("stop")

    def join(self, seconds: float) -> None:
        self.said.append("join")

    def look(self, by: int) -> None:
        self.now += by


class Busy:
    """A worker that does its work."""

    ready = True

    def health(self) -> dict[str, Any]:
        return {"ready": self.ready}

    def alive(self) -> dict[str, Any]:
        return {"alive": self.ready, "reasons": []}

    def counts(self) -> dict[str, Any]:
        return {"scored": 3}

    def measures(self) -> dict[str, Any]:
        return {"records": 4}

    def text(self, health: Any, said: Any) -> bytes:
        return f"records {said['records']}\n".encode()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "TICK_SECONDS", 0.01)


@asynccontextmanager
async def serving(
    feed: Numbers | None = None,
    looks: Looks | None = None,
    host: str = "127.0.0.1",
    figures: Looks | None = None,
) -> AsyncIterator[Client]:
    app = web.Application()
    Page(feed or Numbers(), looks or Looks(), Busy(), Busy(), figures or Looks(), host).install(app)
    async with TestClient(TestServer(app)) as client:
        yield client


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(20):
            await test()

    asyncio.run(within())


async def event(response: ClientResponse) -> tuple[str, Any]:
    """The next event of a stream: its name and what it says; a comment has no name."""
    lines = []
    while (line := (await response.content.readline()).decode().rstrip("\n")) != "":
        lines.append(line)
    if lines[0].startswith(":"):
        return "", lines[0]
    (name, data) = lines
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def test_the_page_loads_nothing_but_its_own_files_and_runs_no_inline_script() -> None:
    async def test() -> None:
        async with serving() as client:
            page = await (await client.get("/")).text()
            named = re.findall(r'(?:src|href)="([^"]+)"', page)
            assert {"static/page.js", "static/page.css", "static/uPlot.iife.min.js"} <= set(named)
            for name in named:
                assert (await client.get(f"/{name}")).status == 200
            assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|style=", page) == []

    run(test)


def test_every_answer_has_the_headers_that_keep_others_out() -> None:
    async def test() -> None:
        async with serving() as client:
            for path in ("/", "/health", "/static/page.js", "/static/no.js", "/nothing", "/stream"):
                headers = (await client.get(path)).headers
                policy = headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy
                assert "script-src 'self';" in policy
                assert "unsafe" not in policy
                assert headers["X-Content-Type-Options"] == "nosniff"

    run(test)


def test_health_says_ready_and_alive_apart_and_a_scrape_counts_as_a_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Counting(Looks):
        def look(self, by: int) -> None:
            assert by == 0
            self.now += 1

    async def test() -> None:
        looks = Counting()
        async with serving(figures=looks) as client:
            assert (await client.get("/readyz")).status == 200
            assert (await client.get("/healthz")).status == 200
            scraped = await client.get("/metrics")
            assert scraped.headers["Content-Type"].startswith("text/plain; version=1.0.0")
            assert await scraped.text() == "records 4\n"
            monkeypatch.setattr(Busy, "ready", False)
            assert (await client.get("/readyz")).status == 503
            assert (await client.get("/healthz")).status == 503
        assert looks.now == 1

    run(test)


def test_files_have_the_types_that_browsers_want() -> None:
    async def test() -> None:
        async with serving() as client:
            for name, kind in (("page.js", "text/javascript"), ("page.css", "text/css")):
                assert (await client.get(f"/static/{name}")).content_type == kind
            assert (await client.get("/")).content_type == "text/html"

    run(test)


@pytest.mark.parametrize("name", ["../server.py", "%2e%2e%2fserver.py", "..%2Ffeed.py", "x"])
def test_nothing_but_the_pages_files_is_served(name: str) -> None:
    async def test() -> None:
        async with serving() as client:
            assert (await client.get(f"/static/{name}")).status == 404

    run(test)


@pytest.mark.parametrize(
    ("bound", "asked", "status"),
    [
        ("127.0.0.1", "127.0.0.1:6066", 200),
        ("127.0.0.1", "localhost:7000", 200),
        ("localhost", "LOCALHOST", 200),
        ("::1", "[::1]:6066", 200),
        ("127.0.0.1", "evil.example", 421),
        ("127.0.0.1", "127.0.0.1.evil.example:6066", 421),
        ("127.0.0.1", "localhost@evil.example", 421),
        ("localhost", "192.168.1.5:6066", 421),
        ("127.0.0.1", ":", 421),
        ("0.0.0.0", "worker-1.example:6066", 200),
    ],
)
def test_on_loopback_a_request_must_name_loopback(bound: str, asked: str, status: int) -> None:
    async def test() -> None:
        async with serving(host=bound) as client:
            for path in ("/", "/stream"):
                response = await client.get(path, headers={"Host": asked})
                assert response.status == status
                response.close()

    run(test)


def test_the_stream_is_a_snapshot_and_then_what_changes() -> None:
    async def test() -> None:
        feed = Numbers()
        async with serving(feed) as client:
            stream = await client.get("/stream")
            assert stream.content_type == "text/event-stream"
            own = {"worker": {"scored": 3}, "ready": True, "reasons": [], "story": None}
            first = {
                "about": {"pipeline": "fraud"},
                "token": None,
                **own,
                "version": 1,
                "before": 0,
            }
            assert await event(stream) == ("snapshot", first)
            feed.version = 5
            assert await event(stream) == ("change", {**own, "version": 5, "before": 1})

    run(test)


def test_a_quiet_stream_has_a_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEARTBEAT_SECONDS", 0.05)

    async def test() -> None:
        async with serving() as client:
            stream = await client.get("/stream")
            assert (await event(stream))[0] == "snapshot"
            assert await event(stream) == ("", ": still here")

    run(test)


def test_there_are_so_many_clients_and_who_leaves_makes_room() -> None:
    async def test() -> None:
        looks = Looks()
        async with serving(looks=looks) as client:
            streams = [await client.get("/stream") for _ in range(MAX_CLIENTS)]
            assert looks.now == MAX_CLIENTS
            refused = await client.get("/stream")
            assert (refused.status, refused.headers["Retry-After"]) == (503, "10")
            streams[0].close()
            while looks.now == MAX_CLIENTS:
                await asyncio.sleep(0.01)
            assert (await client.get("/stream")).status == 200

    run(test)


def test_a_client_that_takes_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "WRITE_SECONDS", 0.2)

    class Much(Numbers):
        def since(self, version: int) -> dict[str, Any]:
            self.version += 1
            return {"version": self.version, "much": "x" * 1_000_000}

    async def test() -> None:
        looks = Looks()
        async with serving(Much(), looks) as client:
            assert client.port is not None
            _, writer = await asyncio.open_connection("127.0.0.1", client.port, limit=1024)
            writer.write(b"GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            while looks.now == 0:
                await asyncio.sleep(0.01)
            while looks.now == 1:
                await asyncio.sleep(0.01)
            writer.close()

    run(test)


def test_the_server_stops_at_once_while_clients_are_there() -> None:
    async def test() -> None:
        looks = Looks()
        async with serving(looks=looks) as client:
            _streams = [await client.get("/stream") for _ in range(3)]
            await asyncio.wait_for(client.server.close(), 60)
            assert looks.said == ["start", "stop", "join"]
            assert looks.now == 0

    run(test)


def test_texts_of_records_never_become_markup() -> None:
    script = (STATIC / "page.js").read_text()

    assert re.findall(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", script) == []


def test_the_library_that_is_served_has_its_licence_and_version_beside_it() -> None:
    licence = (STATIC / "uPlot.LICENSE.txt").read_text()
    (version,) = re.findall(r"uPlot (\d+\.\d+\.\d+)", licence)

    assert f"(v{version})" in (STATIC / "uPlot.iife.min.js").read_text()[:300]
    assert "The MIT License" in licence
