"""Bounds what the clients of the page may take: connections, time and bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

MAX_CONNECTIONS = 100
SECONDS = 10.0
"""From a connection to the end of its answer: for slow heads, slow bodies and slow readers."""
MAX_BYTES = 65_536
"""That a client may send: a request has no body, and aiohttp bounds each line of its head."""


class Connections:
    """Holds the open connections of a server in bounds.

    Where there are too many, the oldest goes, not the newest: a client that opens connections
    and sends nothing cannot keep out a probe of the health, which is answered at once.

    """

    def __init__(self) -> None:
        self._open: dict[asyncio.Transport, asyncio.TimerHandle] = {}

    def bound(self, make: Callable[[], asyncio.BaseProtocol]) -> Callable[[], asyncio.Protocol]:
        """Makes what `make` does, within bounds."""
        return lambda: _Bounded(self, cast(asyncio.Protocol, make()))

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, transport: asyncio.Transport) -> None:
        """Count a connection, until it is closed or over its time."""
        if len(self._open) >= MAX_CONNECTIONS:
            self._drop(next(iter(self._open)))
        loop = asyncio.get_running_loop()
        self._open[transport] = loop.call_later(SECONDS, self._drop, transport)

    def release(self, transport: asyncio.BaseTransport | None) -> None:
        """Count a connection no longer: it is closed, or a stream with bounds of its own."""
        timer = self._open.pop(cast(asyncio.Transport, transport), None)
        if timer is not None:
            timer.cancel()

    def _drop(self, transport: asyncio.Transport) -> None:
        self.release(transport)
        transport.abort()


class _Bounded(asyncio.Protocol):
    """Passes on what a connection brings, up to a number of bytes."""

    def __init__(self, connections: Connections, inner: asyncio.Protocol) -> None:
        self._connections = connections
        self._inner = inner
        self._left = MAX_BYTES
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.opened(self._transport)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left >= 0:
            self._inner.data_received(data)
        elif self._transport is not None:
            self._transport.abort()

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.release(self._transport)
        self._inner.connection_lost(exc)
