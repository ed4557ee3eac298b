"""How a partition's state lies on its compacted topic.

A value of up to 512 KiB is one record. A larger one is cut into chunks, records of their own,
and the key's own record becomes a manifest: how many chunks, how many bytes, which digest.
All records of one change are written in one transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgpack

from app.errors import RiverrunError

CHUNK = 512 * 1024
"""Bytes in one record at the most."""

_PLAIN, _MANIFEST = b"v", b"m"
_SEPARATOR = "\x00"


class StateDamaged(RiverrunError):
    """The state on Kafka does not agree with its own manifest."""


Row = tuple[bytes, bytes | None]


class StateLog:
    """Turns changes of a state into records; it remembers how many chunks each key has.

    Args:
        entries: The state as it was restored.
    """

    def __init__(self, entries: Mapping[str, bytes]) -> None:
        self._chunks = {key: n for key, value in entries.items() if (n := _chunk_count(value))}

    def rows(self, changes: Mapping[str, bytes | None]) -> list[Row]:
        """The records that bring ``changes`` to the topic, in the order to write them."""
        return [row for key, value in changes.items() for row in self._rows_of(key, value)]

    def _rows_of(self, key: str, value: bytes | None) -> list[Row]:
        before = self._chunks.pop(key, 0)
        count = 0 if value is None else _chunk_count(value)
        unused: list[Row] = [(_chunk_key(key, i), None) for i in range(count, before)]
        if value is None:
            return [*unused, (key.encode(), None)]
        if not count:
            return [*unused, (key.encode(), _PLAIN + value)]
        self._chunks[key] = count
        manifest = {"chunks": count, "size": len(value), "sha256": _digest(value)}
        return [
            *unused,
            *((_chunk_key(key, i), value[i * CHUNK : (i + 1) * CHUNK]) for i in range(count)),
            (key.encode(), _MANIFEST + msgpack.packb(manifest)),
        ]


def entries(raw: Mapping[bytes, bytes]) -> dict[str, bytes]:
    """Keys and whole values from the last record of each key.

    Raises:
        StateDamaged: when a chunk lacks or a digest does not fit.
    """
    return {
        key.decode(): _whole(key.decode(), value, raw)
        for key, value in raw.items()
        if _SEPARATOR.encode() not in key
    }


def _whole(key: str, value: bytes, raw: Mapping[bytes, bytes]) -> bytes:
    kind, body = value[:1], value[1:]
    if kind == _PLAIN:
        return body
    if kind != _MANIFEST:
        raise StateDamaged(f"state key {key!r}: a record of unknown kind {kind!r}")
    manifest = msgpack.unpackb(body)
    try:
        whole = b"".join(raw[_chunk_key(key, i)] for i in range(manifest["chunks"]))
    except KeyError as error:
        raise StateDamaged(f"state key {key!r}: a chunk of {manifest['chunks']} is gone") from error
    if len(whole) != manifest["size"] or _digest(whole) != manifest["sha256"]:
        raise StateDamaged(f"state key {key!r}: its chunks do not have the manifest's digest")
    return whole


def _chunk_count(value: bytes) -> int:
    return 0 if len(value) <= CHUNK else -(-len(value) // CHUNK)


def _chunk_key(key: str, number: int) -> bytes:
    return f"{key}{_SEPARATOR}{number}".encode()


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()
