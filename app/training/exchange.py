"""What parts say at a mark, handed to all of them: over TCP, from wherever they run."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Sequence
from multiprocessing.connection import Client, Connection, Listener
from typing import NamedTuple

import msgspec

_encode, _decode = msgspec.msgpack.encode, msgspec.msgpack.Decoder(list[bytes]).decode


class Meeting(NamedTuple):
    """Where parts meet, and the secret that lets them in."""

    host: str
    port: int
    secret: bytes


class MarkServer:
    """Waits at each mark for what all parts say, and sends all of it to each.

    Args:
        parts: How many there are.
        host: Where to listen.

    Attributes:
        meeting: For the parts.
    """

    def __init__(self, parts: int, host: str = "127.0.0.1") -> None:
        self._parts, secret = parts, os.urandom(32)
        self._listener = Listener((host, 0), backlog=parts, authkey=secret)
        self.meeting = Meeting(host, self._listener.address[1], secret)
        self._connections: dict[int, Connection] = {}
        self._closing = threading.Lock()  # its own thread may end it at the same moment
        threading.Thread(target=self._serve, name="marks", daemon=True).start()

    def close(self) -> None:
        """End it; parts that still wait fail."""
        with self._closing:
            self._listener.close()
            for connection in self._connections.values():
                connection.close()

    def _serve(self) -> None:
        try:
            while len(self._connections) < self._parts:
                connection = _at_once(self._listener.accept())
                self._connections[int.from_bytes(connection.recv_bytes(), "big")] = connection
            while True:
                said = [self._connections[part].recv_bytes() for part in range(self._parts)]
                answer = _encode(said)
                for connection in self._connections.values():
                    connection.send_bytes(answer)
        except (EOFError, OSError):  # a part has ended, and with it all
            self.close()


class Meets:
    """A part's way to the server; called with what it says at a mark.

    Raises EOFError or OSError where another part has failed.
    """

    def __init__(self, meeting: Meeting, part: int) -> None:
        host, port, secret = meeting
        self._connection = _at_once(Client((host, port), authkey=secret))
        self._connection.send_bytes(part.to_bytes(4, "big"))

    def __call__(self, said: bytes) -> Sequence[bytes]:
        self._connection.send_bytes(said)
        return _decode(self._connection.recv_bytes())

    def close(self) -> None:
        """Leave."""
        self._connection.close()


def _at_once(connection: Connection) -> Connection:
    """What is sent goes at once.

    A large message is a head and a body, and Nagle's algorithm lets the body wait until the other
    side has acknowledged the head, which it may put off for 40 ms: at each mark.
    """
    with socket.socket(fileno=os.dup(connection.fileno())) as made:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
