"""Clients of a page that mean no good, each kind in a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable

COUNT = 1_000
PAUSE = 1.0
"""A connection that was cut is opened again after so many seconds."""
HEAD = b"%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def slow_heads(streams: Streams) -> None:
    """A head that never ends, a line a second."""
    _, writer = streams
    writer.write(HEAD % (b"GET", b"/"))
    while True:
        await writer.drain()
        await asyncio.sleep(1.0)
        writer.write(b"x: y\r\n")


async def slow_readers(streams: Streams) -> None:
    """Asks for the largest file, and takes ten bytes a second of it."""
    reader, writer = streams
    writer.write(HEAD % (b"GET", b"/static/uPlot.iife.min.js") + b"\r\n")
    while await reader.read(10):
        await asyncio.sleep(1.0)


async def large_bodies(streams: Streams) -> None:
    """A body of a gigabyte, as fast as it is taken."""
    _, writer = streams
    writer.write(HEAD % (b"POST", b"/") + b"Content-Length: 1000000000\r\n\r\n")
    while True:
        writer.write(bytes(16_384))
        await writer.drain()
        await asyncio.sleep(0.1)


async def open_streams(streams: Streams) -> None:
    """An event stream, read as it comes."""
    reader, writer = streams
    writer.write(HEAD % (b"GET", b"/stream") + b"\r\n")
    while await reader.read(65_536):
        pass


KINDS: dict[str, Callable[[Streams], Awaitable[None]]] = {
    "slow_heads": slow_heads,
    "slow_readers": slow_readers,
    "large_bodies": large_bodies,
    "open_streams": open_streams,
}


async def _client(kind: str, port: int) -> None:
    while True:
        try:
            streams = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            try:
                await KINDS[kind](streams)
            finally:
                streams[1].transport.abort()
        except OSError:
            pass
        await asyncio.sleep(PAUSE)


async def main(kind: str, port: int) -> None:
    """Run a thousand of a kind, until this process is ended."""
    await asyncio.gather(*(_client(kind, port) for _ in range(COUNT)))


if __name__ == "__main__":
    os.nice(19)  # clients compute elsewhere: they must not take the cores of the worker here
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
