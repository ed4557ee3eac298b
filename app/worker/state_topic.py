"""How a partition's state lies on its compacted topic.

A value of up to 512 KiB is one record. A larger one is cut into chunks, records of their own,
and the key's own record becomes a manifest: how many chunks, how many bytes, which digest.
All records of one change are written in one transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgpack

from agents.state import MemoryStore, Store
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
        chunks: How many each large value had, as it was restored.
    """

    def __init__(self, chunks: Mapping[str, int] | None = None) -> None:
        self._chunks = dict(chunks or {})

    def rows(self, changes: Mapping[str, bytes | None]) -> list[Row]:
        """The records that bring ``changes`` to the topic, in the order to write them."""
        rows: list[Row] = []
        for key, value in changes.items():
            if key in self._chunks or (value is not None and len(value) > CHUNK):
                rows += self._in_chunks(key, value)
            else:
                rows.append((key.encode(), None if value is None else _PLAIN + value))
        return rows

    def _in_chunks(self, key: str, value: bytes | None) -> list[Row]:
        """Of a value that has chunks, or had some before."""
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


class StateReader:
    """Brings records of the topic into a store, one after another; none is kept beside it.

    Chunks lie in the store too, until ``finish`` makes whole values of them.

    Args:
        store: An empty one.

    Attributes:
        chunks: How many each large value has; after ``finish``.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._manifests: dict[str, bytes] = {}
        self._pieces: set[str] = set()
        self.chunks: dict[str, int] = {}

    def apply(self, key: bytes, value: bytes | None) -> None:
        """The next record; of several with the same key the last one counts."""
        name = key.decode()
        if value is None:
            self._store.pop(name, None)
            self._manifests.pop(name, None)
        elif _SEPARATOR in name:
            self._store[name] = value
            self._pieces.add(name)
        elif value[:1] == _PLAIN:
            self._store[name] = value[1:]
            self._manifests.pop(name, None)
        else:
            self._store.pop(name, None)
            self._manifests[name] = value

    def finish(self) -> None:
        """All records were read: the store has the keys and their whole values.

        Raises:
            StateDamaged: when a chunk lacks or a digest does not fit.
        """
        for name, value in self._manifests.items():
            self._store[name] = self._whole(name, value)
        for piece in self._pieces:
            self._store.pop(piece, None)

    def _whole(self, name: str, value: bytes) -> bytes:
        kind, body = value[:1], value[1:]
        if kind != _MANIFEST:
            raise StateDamaged(f"state key {name!r}: a record of unknown kind {kind!r}")
        manifest = msgpack.unpackb(body)
        count = self.chunks[name] = manifest["chunks"]
        whole = b"".join(self._piece(name, i, count) for i in range(count))
        if len(whole) != manifest["size"] or _digest(whole) != manifest["sha256"]:
            raise StateDamaged(f"state key {name!r}: its chunks do not have the manifest's digest")
        return whole

    def _piece(self, name: str, number: int, count: int) -> bytes:
        piece = self._store.get(_chunk_key(name, number).decode())
        if piece is None:
            raise StateDamaged(f"state key {name!r}: a chunk of {count} is gone")
        return piece


def entries(raw: Mapping[bytes, bytes]) -> dict[str, bytes]:
    """Keys and whole values from the last record of each key.

    Raises:
        StateDamaged: when a chunk lacks or a digest does not fit.
    """
    store = MemoryStore()
    reader = StateReader(store)
    for key, value in raw.items():
        reader.apply(key, value)
    reader.finish()
    return store


def _chunk_count(value: bytes) -> int:
    return 0 if len(value) <= CHUNK else -(-len(value) // CHUNK)


def _chunk_key(key: str, number: int) -> bytes:
    return f"{key}{_SEPARATOR}{number}".encode()


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()
