"""A TCP proxy between clients and a real broker, which does harm by kind of request.

The broker has a second listener, whose advertised address is the proxy's: a client that comes
through the proxy is told this address by the broker itself, for leaders and coordinators too,
so no answer need be changed. ``proxied_kafka`` of ``tests/kafka/clusters.py`` makes both::

    with proxied_kafka(tmp_path) as (broker, proxy):
        proxy.bootstrap     # for the worker under test
        broker.bootstrap    # for the test's own readers: nothing happens to them

What happens to a request is said by a chooser, a function of the request; ``faults`` has two
that can be repeated, ``Once`` and ``Seeded``, and the faults themselves::

    proxy.choose = Once(Api.END_TXN, CutAfter())
    proxy.choose = Seeded(7, {Api.END_TXN: 0.2, Api.FETCH: 0.01}, [CutBefore(), Delay(0.5)])
    proxy.choose = no_fault

A late request is held back while its connection is cut, so that the client sends it again, and
comes to the broker at a named moment, on a connection of its own::

    proxy.choose = Once(Api.END_TXN, Hold(before=Api.TXN_OFFSET_COMMIT))

And for all connections together: ``cut``, ``silence`` and ``refuse``. ``done`` says what was
done, in order; ``late`` what the broker answered to requests that were held back; ``count`` how
many requests of each kind came. Everything is on loopback.

Several brokers: one ``Proxy`` each, and ``proxied_settings`` for the settings of each.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from app.local_kafka.broker import HOST, SETTINGS
from tests.kafka.faults import (
    Chooser,
    CutAfter,
    CutBefore,
    Delay,
    Fault,
    HalfOpen,
    Hold,
    LateAnswer,
    LoseAnswer,
    no_fault,
)
from tests.kafka.wire import (
    Request,
    api_of,
    correlation_of,
    framed,
    parse,
    read_frame,
)

GONE = (asyncio.IncompleteReadError, OSError)
ANSWER_SECONDS = 30.0
"""How long the broker may take to answer a request that was held back."""


def proxied_settings(port: int, controller: int, behind: int, proxy: int) -> dict[str, str]:
    """Settings of a broker that has a listener behind a proxy too.

    Args:
        port: Of the listener that nothing happens to.
        controller: Of the controller.
        behind: Of the listener that the proxy connects to.
        proxy: Of the proxy.
    """
    return {
        "listeners": f"BROKER://{HOST}:{port},CONTROLLER://{HOST}:{controller},"
        f"PROXIED://{HOST}:{behind}",
        "advertised.listeners": f"BROKER://{HOST}:{port},PROXIED://{HOST}:{proxy}",
        "controller.quorum.voters": f"1@{HOST}:{controller}",
        "listener.security.protocol.map": f"{SETTINGS['listener.security.protocol.map']},"
        "PROXIED:PLAINTEXT",
    }


@dataclass(eq=False)
class _Connection:
    """A client's connection and the one to the broker that belongs to it."""

    client: asyncio.StreamWriter
    broker: asyncio.StreamWriter
    answers: dict[int, tuple[Request, Fault | None]] = field(default_factory=dict)
    silent: bool = False

    def close(self) -> None:
        for writer in (self.client, self.broker):
            writer.transport.abort()


@dataclass(eq=False)
class _Held:
    """A request that was held back, until it is its turn."""

    request: Request
    hold: Hold
    left: int
    due: asyncio.Event = field(default_factory=asyncio.Event)
    delivered: asyncio.Event = field(default_factory=asyncio.Event)


class Proxy:
    """A proxy before one broker, on a thread of its own.

    Args:
        port: Where it listens on loopback.
        behind: The port of the broker's listener that belongs to it.

    Attributes:
        choose: Says for each request what happens to it; may be changed at any time.
        refuse: Whether new connections are closed at once.
        silence: Whether new connections are accepted, and nothing is ever said on them.
        count: By kind: the requests that came.
        done: The faults that were done, in order.
        late: The requests that were held back, each with the broker's answer.
    """

    def __init__(self, port: int, behind: int) -> None:
        self.bootstrap = f"{HOST}:{port}"
        self.choose: Chooser = no_fault
        self.refuse = self.silence = False
        self.count: Counter[str] = Counter()
        self.done: list[str] = []
        self.late: list[tuple[Request, bytes]] = []
        self._port, self._behind = port, behind
        self._connections: set[_Connection] = set()
        self._held: list[_Held] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._errors: list[BaseException] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    @contextmanager
    def running(self) -> Iterator[Proxy]:
        """Listen, until the block ends."""
        self._thread.start()
        server = self._do(asyncio.start_server(self._accept, HOST, self._port))
        try:
            yield self
        finally:
            self._do(self._close(server))
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
        if self._errors:
            raise self._errors[0]  # the proxy's own: a test that went on would prove nothing

    def cut(self) -> None:
        """End all connections of this moment."""
        self._do(self._cut())

    def deliver(self) -> None:
        """Let what is still held back reach the broker now, and be answered."""
        self._do(self._deliver(list(self._held)))

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _cut(self) -> None:
        for connection in list(self._connections):
            connection.close()

    async def _close(self, server: asyncio.Server) -> None:
        server.close()
        connections = list(self._connections)
        for task in (tasks := list(self._tasks)):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        ends = [w.wait_closed() for c in connections for w in (c.client, c.broker)]
        await asyncio.gather(*ends, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._errors.append(error)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._start(self._serve(reader, writer))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuse:
            writer.transport.abort()
            return
        try:
            answers, broker = await asyncio.open_connection(HOST, self._behind)
        except OSError:
            writer.transport.abort()
            return
        connection = _Connection(writer, broker, silent=self.silence)
        self._connections.add(connection)
        self._start(self._answers(connection, answers))
        try:
            while True:
                frame = await read_frame(reader)
                if not connection.silent:
                    await self._request(connection, frame)
        except GONE:
            pass
        finally:
            connection.close()
            self._connections.discard(connection)

    async def _request(self, connection: _Connection, frame: bytes) -> None:
        name = api_of(frame).name
        request = parse(frame, self.count[name])
        self.count[name] += 1
        await self._deliver(self._due_before(request))
        fault = self.choose(request)
        if fault is not None:
            self.done.append(f"{request} of {request.client}: {fault}")
        match fault:
            case Delay(seconds):
                await asyncio.sleep(seconds)
            case CutBefore():
                raise ConnectionAbortedError
            case HalfOpen():
                connection.silent = True
                return
            case Hold():
                held = _Held(request, fault, fault.count)
                self._held.append(held)
                self._start(self._late(held))
                raise ConnectionAbortedError
        connection.answers[request.correlation] = request, fault
        connection.broker.write(framed(frame))
        await connection.broker.drain()

    async def _answers(self, connection: _Connection, answers: asyncio.StreamReader) -> None:
        try:
            while True:
                answer = await read_frame(answers)
                _, fault = connection.answers.pop(correlation_of(answer), (None, None))
                match fault:
                    case CutAfter():
                        raise ConnectionAbortedError
                    case LateAnswer(seconds):
                        await asyncio.sleep(seconds)
                if not connection.silent and fault != LoseAnswer():
                    connection.client.write(framed(answer))
                    await connection.client.drain()
        except GONE:
            connection.close()

    # What is held back.

    def _due_before(self, request: Request) -> list[_Held]:
        due = []
        for held in self._held:
            if held.hold.before is request.api:
                held.left -= 1
                if held.left == 0:
                    due.append(held)
        return due

    async def _deliver(self, due: list[_Held]) -> None:
        for held in due:
            held.due.set()
            await held.delivered.wait()

    async def _late(self, held: _Held) -> None:
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(held.hold.seconds):
                    await held.due.wait()
            self._held.remove(held)
            with contextlib.suppress(TimeoutError, *GONE):
                async with asyncio.timeout(ANSWER_SECONDS):
                    self.late.append((held.request, await self._ask(held.request)))
        finally:
            held.delivered.set()

    async def _ask(self, request: Request) -> bytes:
        reader, writer = await asyncio.open_connection(HOST, self._behind)
        try:
            writer.write(framed(request.frame))
            return await read_frame(reader)
        finally:
            writer.transport.abort()
