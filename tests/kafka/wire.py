"""As much of Kafka's wire protocol as the proxy of the tests needs: which request is this?"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from enum import IntEnum


class Api(IntEnum):
    """Kinds of requests, by their key in the protocol."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12
    LEAVE_GROUP = 13
    SYNC_GROUP = 14
    API_VERSIONS = 18
    INIT_PRODUCER_ID = 22
    ADD_PARTITIONS_TO_TXN = 24
    ADD_OFFSETS_TO_TXN = 25
    END_TXN = 26
    TXN_OFFSET_COMMIT = 28
    OTHER = -1


_KNOWN = {int(api): api for api in Api}
OF_A_COMMIT = (
    Api.ADD_PARTITIONS_TO_TXN,
    Api.PRODUCE,
    Api.ADD_OFFSETS_TO_TXN,
    Api.TXN_OFFSET_COMMIT,
    Api.END_TXN,
)
"""The requests of one commit, in their order; INIT_PRODUCER_ID comes once, at a start."""


@dataclass(frozen=True)
class Request:
    """A request as it came from a client.

    Attributes:
        api: Its kind.
        number: So many requests of this kind came through the proxy before it.
        client: The client's `client.id`.
        version: Of the request's schema.
        correlation: Its number on its connection; the answer bears the same.
        frame: All of it, without the four bytes of its length.
    """

    api: Api
    number: int
    client: str
    version: int
    correlation: int
    frame: bytes

    def __str__(self) -> str:
        return f"{self.api.name}#{self.number}"


def parse(frame: bytes, number: int) -> Request:
    """Read the header of a request; ``number`` is given by the caller, who counts."""
    _, version, correlation, length = struct.unpack_from(">hhih", frame)
    client = frame[10 : 10 + length].decode(errors="replace") if length > 0 else ""
    return Request(api_of(frame), number, client, version, correlation, frame)


def api_of(frame: bytes) -> Api:
    """The kind of a request."""
    (key,) = struct.unpack_from(">h", frame)
    return _KNOWN.get(key, Api.OTHER)


def correlation_of(answer: bytes) -> int:
    """The number of the request that this answers."""
    return int.from_bytes(answer[:4])


def error_of_end_txn(request: Request, answer: bytes) -> int:
    """Kafka's error code in the answer to an EndTxn; 0: it did what it asked for."""
    flexible = request.version >= 3
    return int.from_bytes(answer[9:11] if flexible else answer[8:10], signed=True)


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """A request or an answer, without its length.

    Raises:
        asyncio.IncompleteReadError, OSError: the connection ended.
    """
    length = int.from_bytes(await reader.readexactly(4))
    return await reader.readexactly(length)


def framed(frame: bytes) -> bytes:
    """With its length before it, as it goes over the wire."""
    return len(frame).to_bytes(4) + frame
