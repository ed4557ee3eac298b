"""A table: the entries of one prefix, of which there are many."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from agents.entries import PackedEntries, Part
from agents.errors import AgentError
from agents.tables import batches, patches
from agents.tables.arrays import joined_bytes, longer, new_arena, zeros
from agents.tables.bytes import CLASSES, EXACT, GRANULE, HASH_MASK, entry_at
from agents.tables.kernels import (
    CHANGED,
    COUNT,
    DEAD,
    END,
    FREED,
    GONE,
    HELD,
    LIVE,
    NOTES,
    NUMBERS,
    PATCH,
    PATCH_END,
    PATCHED,
    PREFIX,
    SEED,
    TOTAL,
    USED,
    Memory,
    Slots,
    settle,
)
from agents.words import Bytes
from learners.engine.kernels import Ints

_LEAST = 64
_AT_ONCE = 1000
_MOST = (1 << 31) * GRANULE - GRANULE
"""Bytes of an arena: its granules are counted in 32 bits."""
_BESIDES = 14
"""Bytes of an entry besides key and value, at the most: their lengths, and a granule."""


class TableFull(AgentError):
    """A table would get larger than one may be."""


class Table:
    """Keys and values as bytes in arrays.

    Args:
        prefix: Of all keys; it is not kept.
        folder: Where values lie in a file that nobody else sees; None: in memory.

    Attributes:
        memory: What compiled code works on. It is another one after `reserve`.
    """

    def __init__(self, prefix: str, folder: Path | None = None) -> None:
        self.prefix = prefix
        self._folder = folder
        self._coded = np.frombuffer(bytearray(prefix.encode()), np.uint8)
        self.memory = Memory(
            numbers=np.zeros(NUMBERS, np.int64),
            index=np.zeros(_LEAST, np.int32),
            at=np.zeros(_LEAST, np.int32),
            hashes=np.zeros(_LEAST, np.int32),
            following=np.zeros(_LEAST, np.int32),
            heads=np.zeros(_LEAST, np.int32),
            flags=np.zeros(_LEAST, np.uint8),
            changed=np.zeros(_LEAST, np.int32),
            free=np.zeros(CLASSES, np.int32),
            patched=np.zeros(0, np.int32),
            patch_ends=np.zeros(0, np.int64),
            patches=np.zeros(0, np.uint8),
            **new_arena(_LEAST * GRANULE, None),
        )
        numbers = self.memory.numbers
        numbers[SEED] = secrets.randbelow(HASH_MASK + 1) | 1 << 30 | 1
        numbers[PREFIX] = crc32(prefix.encode())
        numbers[END] = 1

    def __len__(self) -> int:
        return int(self.memory.numbers[LIVE])

    def get(self, key: str) -> bytes | None:
        """The value of a key."""
        slot = self.slot(key)
        return None if slot < 0 else self.value(slot)

    def slot(self, key: str) -> int:
        """Where the entry of a key is; -1 where there is none."""
        return int(self.slots([self._bare(key)])[0])

    def value(self, slot: int) -> bytes:
        """The value of a slot."""
        _, value, end = entry_at(self.memory.arena, self.memory.at[slot])
        return self.memory.arena[value:end].tobytes()

    def key(self, slot: int) -> str:
        """The key of a slot."""
        key, value, _ = entry_at(self.memory.arena, self.memory.at[slot])
        return self.prefix + self.memory.arena[key:value].tobytes().decode()

    def update(self, entries: Iterable[tuple[str, bytes | None]]) -> None:
        """Set entries; None takes one out. No key may come twice."""
        keys: list[bytes] = []
        values: list[bytes] = []
        gone: list[bytes] = []
        for key, value in entries:
            if value is None:
                gone.append(self._bare(key))
            else:
                keys.append(self._bare(key))
                values.append(value)
        if keys:
            self._put(keys, *joined_bytes(values))
        if gone:
            slots = self.slots(gone)
            self.remove(slots[slots >= 0])

    def put(self, keys: Sequence[str], values: Bytes) -> None:
        """Set entries of one length; those that have changed little get a patch.

        Args:
            keys: Each once.
            values: (keys, bytes of a value).
        """
        joined, key_ends = joined_bytes([self._bare(key) for key in keys])
        self.reserve(len(keys), len(joined) + values.size)
        self._reserve_patches(len(keys), values.size // 2)
        ends = np.arange(1, len(keys) + 1, dtype=np.int64) * values.shape[1]
        patches.put(self.memory, joined, key_ends, values.reshape(-1), ends)

    def patch(self, changes: Mapping[str, bytes]) -> None:
        """Apply patches, by key; see `agents.tables.patches`."""
        self.reserve(0, 0, changes=len(changes))
        keys = [self._bare(key) for key in changes]
        patches.apply(self.memory, *joined_bytes(keys), *joined_bytes(list(changes.values())))

    def patches(self) -> PackedEntries:
        """How entries changed since the last `settle` that have a patch."""
        m = self.memory
        count, size = int(m.numbers[PATCHED]), int(m.numbers[PATCH_END])
        keys, _ = self.sizes(m.patched[:count])
        size += int(keys.sum()) + (len(self._coded) + batches.MOST_HEADERS) * count
        out, ends = np.empty(size, np.uint8), np.empty(count, np.int64)
        count = patches.encode(m, self._coded, out, ends)
        return PackedEntries(out[: ends[count - 1] if count else 0], ends[:count])

    def some(self, keys: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """The entries of these keys, as far as there are any."""
        slots = self.slots([self._bare(key) for key in keys])
        yield from self._of(slots[slots >= 0])

    def slots(self, keys: Sequence[bytes]) -> Slots:
        """Where the entries of keys without the prefix are; -1 where there is none."""
        if not len(self):
            return np.full(len(keys), -1, np.int32)
        found = np.empty(len(keys), np.int32)
        batches.slots_of(self.memory, *joined_bytes(keys), found)
        return found

    def remove(self, slots: Slots) -> None:
        """Let entries go."""
        self.reserve(0, 0, changes=len(slots))
        batches.remove_all(self.memory, slots)

    def items(self) -> Iterator[tuple[str, bytes]]:
        """All entries; nothing may change meanwhile."""
        flags, at = self.memory.flags, self.memory.at
        used = int(self.memory.numbers[USED])
        yield from self._of(
            np.flatnonzero((at[:used] > 0) & (flags[:used] & GONE == 0)).astype(np.int32)
        )

    def _of(self, slots: Slots) -> Iterator[tuple[str, bytes]]:
        for first in range(0, len(slots), _AT_ONCE):
            some = self.packed(slots[first : first + _AT_ONCE]).decode()
            yield from ((key, value) for key, value in some.items() if value is not None)

    def part(self, part: Part) -> Slots:
        """The slots of a part of the keys."""
        slots = np.empty(len(self), np.int32)
        return slots[: batches.part(self.memory, part.first, part.end, slots)]

    def sizes(self, slots: Slots) -> tuple[Ints, Ints]:
        """Bytes of keys, without the prefix, and of values; 0 where a value is gone."""
        keys, values = np.empty(len(slots), np.int64), np.empty(len(slots), np.int64)
        batches.sizes(self.memory, slots, keys, values)
        return keys, values

    def packed(self, slots: Slots) -> PackedEntries:
        """These entries."""
        return self.divided(slots, _MOST)[0]

    def divided(self, slots: Slots, most: int) -> tuple[PackedEntries, Slots]:
        """The entries whose values have at most so many bytes; and the slots of the others."""
        keys, values = self.sizes(slots)
        large = slots[values > most]
        if len(large):
            small = values <= most
            slots, keys, values = slots[small], keys[small], values[small]
        size = int(keys.sum() + values.sum())
        size += (len(self._coded) + batches.MOST_HEADERS) * len(slots)
        out, ends = np.empty(size, np.uint8), np.empty(len(slots), np.int64)
        batches.encode(self.memory, self._coded, slots, out, ends)
        return PackedEntries(out[: ends[-1] if len(ends) else 0], ends), large

    def note(self, on: bool) -> None:
        """Whether changes are noted from now on."""
        self.memory.numbers[NOTES] = on

    def checksum(self) -> tuple[int, int]:
        """Count and total of a checksum of all entries; see `agents.state.Checksum`."""
        return len(self), int(batches.total(self.memory))

    @property
    def changed(self) -> Slots:
        """The slots that changed since the last `settle`, but for those with a patch."""
        noted = self.memory.changed[: self.memory.numbers[CHANGED]]
        changed: Slots = noted[self.memory.flags[noted] & PATCH == 0]
        return changed

    @property
    def has_changed(self) -> bool:
        """Whether anything did since the last `settle`."""
        return bool(self.memory.numbers[CHANGED])

    def settle(self) -> tuple[int, int]:
        """Begin anew to note; returns what the changes did to count and total of a checksum."""
        settle(self.memory)
        numbers = self.memory.numbers
        count, total = int(numbers[COUNT]), int(numbers[TOTAL])
        numbers[COUNT] = numbers[TOTAL] = 0
        return count, total

    def reserve(self, entries: int, size: int, changes: int = 0) -> None:
        """Make room for so many more entries, and for so many bytes of keys and values.

        Args:
            entries: New ones.
            size: Of all that is written, also in the place of something.
            changes: Of entries that are there.
        """
        m = self.memory
        numbers = m.numbers
        held = int(numbers[USED] - numbers[DEAD] - numbers[FREED])
        if numbers[DEAD] > held // 4 + _LEAST or held + entries > 32 * len(m.heads):
            buckets = len(m.heads) * (4 if held + entries > 32 * len(m.heads) else 1)
            while buckets * 32 < held + entries:
                buckets *= 4
            self._replace(heads=zeros(buckets, np.int32))
            batches.relink(self.memory)
        slots = int(numbers[USED] + max(0, entries - numbers[FREED]))
        if slots > len(m.at):
            self._grow(max(slots, len(m.at) * 5 // 4))
        if (held + entries) * 4 > 3 * len(m.index):
            self._replace(index=zeros((held + entries) * 3 // 2 + _LEAST, np.int32))
            batches.reindex(self.memory)
        noted = int(numbers[CHANGED]) + entries + changes
        if noted > len(m.changed):
            self._replace(changed=longer(m.changed, 2 * noted))
        self._reserve_arena(size + (entries + changes) * _BESIDES)

    def _reserve_patches(self, entries: int, size: int) -> None:
        m = self.memory
        count, end = int(m.numbers[PATCHED]) + entries, int(m.numbers[PATCH_END]) + size
        if count > len(m.patched):
            patched, ends = longer(m.patched, 2 * count), longer(m.patch_ends, 2 * count)
            self._replace(patched=patched, patch_ends=ends)
        if end > len(m.patches):
            self._replace(patches=longer(m.patches, 2 * end))

    def _reserve_arena(self, size: int) -> None:
        numbers, arena = self.memory.numbers, self.memory.arena
        more = size if size < EXACT * GRANULE else 2 * size  # a size class may have twice as much
        if int(numbers[END]) * GRANULE + more <= len(arena):
            return
        least = int(numbers[HELD]) * GRANULE + more
        if least > _MOST:
            raise TableFull(
                f"the entries of this partition under {self.prefix!r} take more than 8 GiB: lower"
                " labels.max_waiting, labels.expire or entities.windows, or use more partitions"
            )
        room = min(least * 5 // 4, _MOST)
        moved = new_arena(max(room, _LEAST * GRANULE), self._folder)
        batches.move(self.memory, moved["arena"])
        self._replace(**moved)

    def _put(self, keys: Sequence[bytes], values: Bytes, ends: Ints) -> None:
        self.reserve(len(keys), sum(map(len, keys)) + len(values))
        batches.put(self.memory, *joined_bytes(keys), values, ends)

    def _grow(self, count: int) -> None:
        m = self.memory
        names = ("at", "hashes", "following", "flags")
        self._replace(**{name: longer(getattr(m, name), count) for name in names})

    def _replace(self, **arrays: Any) -> None:
        self.memory = self.memory._replace(**arrays)

    def _bare(self, key: str) -> bytes:
        return key[len(self.prefix) :].encode()


@cache
def warm_up() -> None:
    """Compile what is done with tables: neither a batch nor a commit is to wait for it."""
    table = Table("")
    table.note(True)
    table.put(["a", "b"], np.zeros((2, 1), np.uint8))
    table.settle()
    table.put(["a", "b"], np.zeros((2, 64), np.uint8))
    table.settle()
    table.put(["a", "b"], np.ones((2, 64), np.uint8))
    table.patches()
    table.patch({"a": bytes(10)})
    table.update([("a", None)])
    table.packed(table.part(Part(1, 0)))
    table.settle()
    table.reserve(100 * _LEAST, 100 * _LEAST * GRANULE)
    table.checksum()
