"""How a partition's state lies on its compacted topic.

A value of up to 512 KiB is one record. A larger one is cut into chunks, records of their own,
and the key's own record becomes a manifest: how many chunks, how many bytes, which digest.
All records of one change are written in one transaction, the position last. All keys are listed
in docs/how-it-works.md, "The records of a state".
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgpack

from agents.state import MODULUS, Checksum, MemoryStore, Store, weight
from app.errors import RiverrunError
from app.worker.state.position import MODEL, POSITION

CHUNK = 512 * 1024
"""Bytes in one record at the most."""

_PLAIN, _MANIFEST = b"v", b"m"
SEPARATOR = "\x00"
"""Between the key of a large value and the number of a chunk."""


SHOWN = 3
"""How many flaws an error names; `riverrun state check` names all."""


class Flaw(NamedTuple):
    """Something of a stored state that is not as it was written.

    Attributes:
        what: That is wrong.
        key: Of the record; None where it cannot be told which one it is.
        offset: Of that record; None where it is gone, or not known.
    """

    what: str
    key: str | None = None
    offset: int | None = None

    def at(self, place: str) -> str:
        """In one line, with its coordinates.

        Args:
            place: The topic and the partition.
        """
        where = place if self.offset is None else f"{place}@{self.offset}"
        return (
            f"{where}: {self.what}" if self.key is None else f"{where}: {self.key!r}: {self.what}"
        )


class StateDamaged(RiverrunError):
    """A stored state is not what was written.

    Args:
        place: The topic and the partition.
        flaws: All that is wrong.
    """

    def __init__(self, place: str, flaws: Sequence[Flaw]) -> None:
        said = [flaw.at(place) for flaw in flaws[:SHOWN]]
        more = [f"and {len(flaws) - SHOWN} more"] if len(flaws) > SHOWN else []
        super().__init__("; ".join([*said, *more]))
        self.flaws = tuple(flaws)


Row = tuple[bytes, bytes | None]


class StateLog:
    """Turns changes of a state into records; it remembers how many chunks each key has.

    Args:
        chunks: How many each large value had, as it was restored.

    Attributes:
        chunks: How many each large value has.
    """

    def __init__(self, chunks: Mapping[str, int] | None = None) -> None:
        self.chunks = dict(chunks or {})
        self._digests: dict[str, bytes] = {}

    def rows(self, changes: Mapping[str, bytes | None]) -> list[Row]:
        """The records that bring ``changes`` to the topic, in the order to write them."""
        rows: list[Row] = []
        for key, value in changes.items():
            if key in self.chunks or (value is not None and len(value) > CHUNK):
                rows += self._in_chunks(key, value)
            else:
                rows.append((key.encode(), None if value is None else _PLAIN + value))
        return rows

    def sha256(self, key: str, value: bytes) -> bytes:
        """Of a value that ``rows`` was given last under this key."""
        return self._digests.get(key) or digest_of(value)

    def _in_chunks(self, key: str, value: bytes | None) -> list[Row]:
        """Of a value that has chunks, or had some before."""
        before = self.chunks.pop(key, 0)
        self._digests.pop(key, None)
        count = 0 if value is None else _chunk_count(value)
        unused: list[Row] = [(_chunk_key(key, i), None) for i in range(count, before)]
        if value is None:
            return [*unused, (key.encode(), None)]
        if not count:
            return [*unused, (key.encode(), _PLAIN + value)]
        self.chunks[key] = count
        digest = self._digests[key] = digest_of(value)
        manifest = {"chunks": count, "size": len(value), "sha256": digest}
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
        place: The topic and the partition, for errors.

    Attributes:
        store: As it was given.
        place: As it was given.
        next_offset: After the last record that was applied; 0 before the first.
        chunks: How many each large value has; after ``finish``.
        sha256: The digest of each large value; after ``finish``.
        position_offset: Of the last position that was written; None before the first.
        later: Keys that were written after it, with the offsets; the first 100.
    """

    def __init__(self, store: Store, place: str = "the state") -> None:
        self.store = store
        self.place = place
        self.next_offset = 0
        self.chunks: dict[str, int] = {}
        self.sha256: dict[str, bytes] = {}
        self.position_offset: int | None = None
        self.later: dict[str, int] = {}
        self._manifests: dict[str, tuple[bytes, int]] = {}
        self._pieces: set[str] = set()
        self._foreign: dict[bytes, int] = {}
        self._size = self._total = 0

    def go_on(self, next_offset: int, chunks: Mapping[str, int], checksum: Checksum) -> None:
        """Begin behind what a worker has written, of which the store has the whole values."""
        self.next_offset = next_offset
        self.chunks = dict(chunks)
        self._size, self._total = checksum

    def apply(self, key: bytes | None, value: bytes | None, offset: int | None = None) -> None:
        """The next record; of several with the same key the last one counts."""
        at = self.next_offset if offset is None else offset
        self.next_offset = at + 1
        try:
            name = (key or b"").decode()
        except UnicodeDecodeError:
            self._note_foreign(key or b"", value, at)
            return
        self._note(name, at)
        if SEPARATOR in name:
            self._apply_piece(name, value)
            return
        self._forget(name)
        self._manifests.pop(name, None)
        if value is None:
            self.store.pop(name, None)
        elif value[:1] == _PLAIN:
            self._put(name, value[1:])
        else:
            self.store.pop(name, None)
            self._manifests[name] = (value, at)

    def finish(self) -> None:
        """All records were read: the store has the keys and their whole values.

        Raises:
            StateDamaged: when a record is of no known kind, a chunk is missing, or a digest does
                not match.
        """
        flaws = [Flaw("the key is not UTF-8", repr(k), at) for k, at in self._foreign.items()]
        for name, (value, at) in self._manifests.items():
            try:
                self._put(name, self._whole(name, value))
            except _Broken as error:
                flaws.append(Flaw(str(error), name, at))
        for piece in self._pieces:
            self.store.pop(piece, None)
        if flaws:
            raise StateDamaged(self.place, flaws)

    def _note_foreign(self, key: bytes, value: bytes | None, at: int) -> None:
        """No worker writes such a key."""
        if value is None:
            self._foreign.pop(key, None)
        else:
            self._foreign[key] = at

    @property
    def checksum(self) -> Checksum:
        """Of all entries but model and position; after ``finish``."""
        return Checksum(self._size, self._total % MODULUS)

    def _apply_piece(self, name: str, value: bytes | None) -> None:
        if value is None:
            self.store.pop(name, None)
            self._pieces.discard(name)
        else:
            self.store[name] = value
            self._pieces.add(name)

    def _put(self, name: str, value: bytes) -> None:
        self.store[name] = value
        if name not in (MODEL, POSITION):
            self._size += 1
            self._total += weight(name, value)

    def _forget(self, name: str) -> None:
        """Take what was read of a key before out of the checksum."""
        before = None if name in (MODEL, POSITION) else self.store.get(name)
        if before is not None:
            self._size -= 1
            self._total -= weight(name, before)

    def _note(self, name: str, at: int) -> None:
        if name == POSITION:
            self.position_offset = at
            self.later.clear()
        elif len(self.later) < _LATER:
            self.later[name.partition(SEPARATOR)[0]] = at

    def _whole(self, name: str, value: bytes) -> bytes:
        kind, body = value[:1], value[1:]
        if kind != _MANIFEST:
            raise _Broken(f"a record of unknown kind {kind!r}")
        count, size, digest = _manifest(body)
        self.chunks[name], self.sha256[name] = count, digest
        whole = b"".join(self._piece(name, i, count) for i in range(count))
        if len(whole) != size or digest_of(whole) != digest:
            raise _Broken("its chunks do not have the digest of its manifest")
        return whole

    def _piece(self, name: str, number: int, count: int) -> bytes:
        piece = self.store.get(_chunk_key(name, number).decode())
        if piece is None:
            raise _Broken(f"chunk {number} of {count} is missing")
        return piece


_LATER = 100


class _Broken(Exception):
    """A large value that is not whole."""


def _manifest(body: bytes) -> tuple[int, int, bytes]:
    """How many chunks, how many bytes, and the SHA-256."""
    try:
        said = msgpack.unpackb(body)
        return int(said["chunks"]), int(said["size"]), bytes(said["sha256"])
    except Exception as error:
        raise _Broken(f"its manifest cannot be read ({type(error).__name__})") from error


def entries(raw: Mapping[bytes, bytes]) -> dict[str, bytes]:
    """Keys and whole values from the last record of each key.

    Raises:
        StateDamaged: when a chunk is missing or a digest does not match.
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
    return f"{key}{SEPARATOR}{number}".encode()


def digest_of(value: bytes) -> bytes:
    """The SHA-256 of a value."""
    return hashlib.sha256(value).digest()
