"""What the clients of the page may take: connections, time and bytes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from app.page import connections
from app.page.process import listen
from app.page.serve import serve
from app.page.server import Page
from tests.app.page.test_server import Busy, Looks, Numbers, run

Opened = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Open = Callable[[bytes], Awaitable[Opened]]

HEAD = b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
HALF = HEAD % b"/"


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Page, Open]]:
    """A page on a port, and what opens a connection to it and sends something."""
    sockets = listen("127.0.0.1", 0)
    page = Page(Numbers(), Looks(), Busy(), Busy(), Looks(), "127.0.0.1")
    runner, servers = await serve(page, sockets)
    writers: list[asyncio.StreamWriter] = []

    async def opened(sent: bytes) -> Opened:
        port = sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writers.append(writer)
        writer.write(sent)
        await writer.drain()
        return reader, writer

    try:
        yield page, opened
    finally:
        for writer in writers:
            writer.transport.abort()
        for server in servers:
            server.close()
        await runner.cleanup()


async def answer(opened: Opened) -> bytes:
    """All that comes until the server closes the connection; nothing where it is cut."""
    try:
        return await opened[0].read()
    except ConnectionError:
        return b""


async def pour(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send it again and again, until the server closes the connection."""
    for _ in range(10_000):
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0)


async def is_cut(opened: Opened) -> bool:
    return await answer(opened) == b""


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 5)
    return 5


def test_of_too_many_connections_the_oldest_go_and_a_probe_is_answered(few: int) -> None:
    async def test() -> None:
        async with serving() as (page, opened):
            halves = [await opened(HALF) for _ in range(3 * few)]
            health = await answer(await opened(HEAD % b"/health" + b"\r\n"))
            assert health.startswith(b"HTTP/1.1 200"), health
            assert health.endswith(b'{"ready": true}')
            for half in halves[: 2 * few]:
                assert await is_cut(half)
            assert len(page.connections) <= few

    run(test)


def test_an_open_stream_is_not_among_those_that_go(few: int) -> None:
    async def test() -> None:
        async with serving() as (_, opened):
            stream, _ = await opened(HEAD % b"/stream" + b"\r\n")
            assert (await stream.readline()).startswith(b"HTTP/1.1 200")
            for _ in range(3 * few):
                await opened(HALF)
            await stream.readuntil(b"snapshot")
            assert not stream.at_eof()

    run(test)


def test_a_head_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SECONDS", 0.2)

    async def test() -> None:
        async with serving() as (page, opened):
            assert await is_cut(await opened(HALF))
            assert await is_cut(await opened(b""))
            assert len(page.connections) == 0

    run(test)


def test_an_answer_that_is_not_taken_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SECONDS", 0.2)

    async def test() -> None:
        async with serving() as (page, opened):
            page._files["big.txt"] = b"x" * 50_000_000
            _, writer = await opened(b"")
            writer.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVBUF, 4096
            )
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(HEAD % b"/static/big.txt" + b"\r\n")
            while len(page.connections) == 0:
                await asyncio.sleep(0.01)
            while len(page.connections) > 0:
                await asyncio.sleep(0.01)

    run(test)


@pytest.mark.parametrize("length", [b"Content-Length: 1000000000", b"Transfer-Encoding: chunked"])
def test_a_body_is_refused(length: bytes) -> None:
    async def test() -> None:
        async with serving() as (_, opened):
            head = b"POST /health HTTP/1.1\r\nHost: 127.0.0.1\r\n" + length + b"\r\n\r\n"
            reader, writer = await opened(head + b"ff\r\n")
            assert (await reader.readline()).startswith(b"HTTP/1.1 413")
            with pytest.raises(ConnectionError):
                await pour(writer, b"x" * 100_000)

    run(test)


@pytest.mark.parametrize("more", [b"a: b\r\n" * 100, b"a: " + b"b" * 8000 + b"\r\n"])
def test_a_head_without_end_is_cut(more: bytes) -> None:
    async def test() -> None:
        async with serving() as (page, opened):
            _, writer = await opened(HALF)
            with pytest.raises(ConnectionError):
                await pour(writer, more)
            assert len(page.connections) == 0

    run(test)


def test_a_connection_has_one_request() -> None:
    async def test() -> None:
        async with serving() as (page, opened):
            for path in (b"/health", b"/nothing"):
                said = await answer(await opened((HEAD % path + b"\r\n") * 3))
                assert said.count(b"HTTP/1.1") == 1
                assert b"Connection: close" in said
            assert len(page.connections) == 0

    run(test)
