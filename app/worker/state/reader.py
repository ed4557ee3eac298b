"""Brings the records of a state topic into a store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agents.entries import Part
from agents.state import MODULUS, Checksum, weight
from agents.store import MemoryStore, Store
from app.worker.state.flaws import Flaw, StateDamaged
from app.worker.state.inventory import Inventory, Logged
from app.worker.state.layout import (
    MODEL,
    PLAIN,
    POSITION,
    SEPARATOR,
    Broken,
    Row,
    chunk_key,
    decode_logged,
    decode_manifest,
    decode_piece,
    digest_of,
    large_key,
    large_of,
    log_number,
    piece_part,
)
from app.worker.state.log import OVERHEAD

_NOTED = 100
"""So many keys that nobody should have written are remembered."""


class StateReader:
    """Applies records of the topic one after another, in the order of their offsets.

    Args:
        store: An empty one.
        place: The topic and the partition, for errors.

    Attributes:
        store: As it was given; after ``finish`` it has all entries, model and position too.
        place: As it was given.
        next_offset: After the last record that was applied; 0 before the first.
        inventory: Which records the topic has.
        sha256: The digest of each value in chunks; after ``finish``.
        position_offset: Of the last position that was written; None before the first.
        later: Keys that were written after it, with the offsets; the first 100.
    """

    def __init__(self, store: Store, place: str = "the state") -> None:
        self.store = store
        self.place = place
        self.next_offset = 0
        self.inventory = Inventory()
        self.sha256: dict[str, bytes] = {}
        self.position_offset: int | None = None
        self.later: dict[str, int] = {}
        self._chunks: dict[str, bytes] = {}
        self._manifests: dict[str, tuple[bytes, int]] = {}
        self._broken: dict[str, tuple[str, int]] = {}
        self._sum: list[int] | None = None

    def go_on(self, next_offset: int, inventory: Inventory, checksum: Checksum) -> None:
        """Begin behind what a worker has written, of which the store has the whole values."""
        self.next_offset = next_offset
        self.inventory = inventory
        self._sum = list(checksum)

    def apply(self, key: bytes | None, value: bytes | None, offset: int | None = None) -> None:
        """The next record; of several with the same key the last one counts."""
        at = self.next_offset if offset is None else offset
        self.next_offset = at + 1
        try:
            name = (key or b"").decode()
        except UnicodeDecodeError:
            self._note_broken(repr(key), "the key is not UTF-8", value, at)
            return
        self._note(name, at)
        self._broken.pop(name, None)
        try:
            self._apply(name, value, at)
        except Broken as error:
            self._note_broken(name, str(error), value, at)

    def finish(self) -> None:
        """All records were read: make whole values of chunks.

        Raises:
            StateDamaged: when a record is of no known kind, a chunk is missing, or a checksum
                does not match.
        """
        flaws = [Flaw(what, name, at) for name, (what, at) in self._broken.items()]
        for key, (value, at) in self._manifests.items():
            try:
                self._put(key, self._whole(key, value))
            except Broken as error:
                flaws.append(Flaw(str(error), large_key(key), at))
        if flaws:
            raise StateDamaged(self.place, flaws)

    @property
    def checksum(self) -> Checksum:
        """Of all entries but model and position; after ``finish``.

        The first time all of them are gone through, and then it is kept up to date.
        """
        if self._sum is None:
            self._sum = list(Checksum.of_store(self.store, (MODEL, POSITION)))
        return Checksum(self._sum[0], self._sum[1] % MODULUS)

    def _apply(self, name: str, value: bytes | None, at: int) -> None:
        if (number := log_number(name)) is not None:
            self._apply_logged(number, name, value)
        elif (part := piece_part(name)) is not None:
            self._apply_piece(part, name, value)
        elif SEPARATOR in name:
            self._chunks.pop(name, None)
            if value is not None:
                self._chunks[name] = value
        elif (key := large_of(name)) is not None:
            self._apply_large(key, value, at)
        elif value is not None:
            raise Broken("no worker writes such a key")

    def _apply_logged(self, number: int, name: str, value: bytes | None) -> None:
        self.inventory.logs.pop(number, None)
        if value is None:
            return
        swept, entries, patches = decode_logged(name, value)
        self.inventory.logs[number] = Logged(len(value) + OVERHEAD, swept)
        keys = [*entries, *patches]
        before = Checksum(0, 0) if self._sum is None else Checksum.of(self.store.some(keys))
        self.store.patch(patches)
        self.store.update(entries)
        if self._sum is None:
            return
        after = Checksum.of(self.store.some(keys))
        self._sum[0] += after.size - before.size
        self._sum[1] += after.total - before.total

    def _apply_large(self, key: str, value: bytes | None, at: int) -> None:
        self._manifests.pop(key, None)
        self.sha256.pop(key, None)
        self.inventory.large.pop(key, None)
        self._put(key, value[1:] if value is not None and value[:1] == PLAIN else None)
        if value is not None:
            self.inventory.large[key] = 0
            if value[:1] != PLAIN:
                self._manifests[key] = (value, at)

    def _apply_piece(self, part: Part, name: str, value: bytes | None) -> None:
        """What a record of the base has comes in the place of all that its part had."""
        self.inventory.pieces.pop(part, None)
        if value is None:
            return
        self.inventory.add_piece(part, len(value))
        entries = decode_piece(name, value)
        for key in self.inventory.large:
            if part.has(key) and (own := self.store.get(key)) is not None:
                entries[key] = own
        before = self.store.part(part)
        if before == entries:  # as where it is written while it is followed
            return
        if self._sum is not None:
            for key, was in before.items():
                self._weigh(key, was, -1)
            for key, now in entries.items():
                self._weigh(key, now, 1)
        self.store.replace(part, entries)

    def _put(self, key: str, value: bytes | None) -> None:
        if self._sum is not None:
            self._weigh(key, self.store.get(key), -1)
            self._weigh(key, value, 1)
        self._put_unweighed(key, value)

    def _put_unweighed(self, key: str, value: bytes | None) -> None:
        if value is None:
            self.store.pop(key, None)
        else:
            self.store[key] = value

    def _weigh(self, key: str, value: bytes | None, sign: int) -> None:
        if value is not None and self._sum is not None and key not in (MODEL, POSITION):
            self._sum[0] += sign
            self._sum[1] += sign * weight(key, value)

    def _note_broken(self, name: str, what: str, value: bytes | None, at: int) -> None:
        self._broken.pop(name, None)
        if value is not None and len(self._broken) < _NOTED:
            self._broken[name] = (what, at)

    def _note(self, name: str, at: int) -> None:
        if name == POSITION:
            self.position_offset = at
            self.later.clear()
        elif len(self.later) < _NOTED:
            self.later[name.partition(SEPARATOR)[0]] = at

    def _whole(self, key: str, value: bytes) -> bytes:
        count, size, digest = decode_manifest(value)
        self.inventory.large[key], self.sha256[key] = count, digest
        whole = b"".join(self._chunk(key, i, count) for i in range(count))
        if len(whole) != size or digest_of(whole) != digest:
            raise Broken("its chunks do not have the digest of its manifest")
        return whole

    def _chunk(self, key: str, number: int, count: int) -> bytes:
        chunk = self._chunks.get(chunk_key(key, number))
        if chunk is None:
            raise Broken(f"chunk {number} of {count} is missing")
        return chunk


def entries(records: Iterable[Row] | Mapping[bytes, bytes]) -> dict[str, bytes]:
    """Keys and whole values from the records of a partition, in the order of their offsets.

    Raises:
        StateDamaged: as ``StateReader.finish``.
    """
    reader = StateReader(MemoryStore())
    for key, value in records.items() if isinstance(records, Mapping) else records:
        reader.apply(key, value)
    reader.finish()
    return dict(reader.store.beginning(""))
