"""The rows of a table, and which entity has which: a view of the state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import state_keys
from agents.entities.shapes import NEVER, TOP, Counts, Pasts, Words
from agents.errors import AgentError
from agents.keys import id_of, key_of
from agents.views import Get
from agents.words import Bytes
from learners.engine.kernels import Ints

VERSION = b"\x01"
_LEAST = 64


class PastMismatch(AgentError):
    """A saved past that this version, or these settings of the pipeline, cannot go on with."""


class PastRows:
    """An array with a row for each entity.

    An entry of the state is a byte with the version, then the row as it lies in memory,
    little-endian; its key is that of the table and the entity's value as JSON.

    Args:
        number: Of the table.
        width: Of a row, in words of 8 bytes.

    Raises PastMismatch.
    """

    def __init__(self, number: int, width: int, _: Get | None = None) -> None:
        self._number, self._width = number, width
        self._prefix = prefix_of(number)
        self._slots: dict[Any, int] = {}
        self._entities: list[Any] = []
        self._keys: list[str] = []
        self._free: list[int] = []
        self._changed = np.zeros(0, np.bool_)
        self._hold(np.zeros((_LEAST, width), np.int64))

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def pasts(self) -> Pasts:
        """The rows; they move when `slots` makes room."""
        return self._pasts

    def slots(self, entities: Sequence[Any], grows: NDArray[np.bool_]) -> Ints:
        """The row of each entity; -1 where it has none, unless `grows` says that it gets one."""
        found = list(map(self._slots.get, entities))
        for i in [i for i, slot in enumerate(found) if slot is None]:
            entity = entities[i]
            slot = self._slots.get(entity, -1)
            found[i] = self._new(entity) if slot < 0 and grows[i] else slot
        return np.array(found, np.int64)

    def touched(self, slots: Ints) -> None:
        """These rows are to be saved."""
        self._changed[slots] = True

    def to_save(self) -> tuple[list[str], Bytes]:
        """The keys and the values, one a row, of what was touched since the last call."""
        slots = np.flatnonzero(self._changed)
        self._changed[:] = False
        values = np.full((len(slots), 1 + 8 * self._width), VERSION[0], np.uint8)
        values[:, 1:] = self._rows[slots].astype("<i8", copy=False).view(np.uint8)
        keys = self._keys
        return [keys[slot] for slot in slots.tolist()], values

    def sweep(self, before: int) -> list[str]:
        """Forget the entities whose newest bucket is not after this one; gives their keys."""
        used = len(self._entities)
        gone = self._rows[:used, TOP] <= before
        gone[self._free] = False
        slots = np.flatnonzero(gone).tolist()
        keys = [self._keys[slot] for slot in slots]
        for slot in slots:
            self._release(slot)
        return keys

    def fill(self, entries: Iterable[tuple[str, bytes]]) -> None:
        """See ``View``."""
        saved = bytearray()
        for key, value in entries:
            self._entities.append(id_of(self._prefix, key))
            self._keys.append(key)
            saved += self._row(key, value)
        if not saved:
            return
        count = len(self._entities)
        self._slots = {entity: slot for slot, entity in enumerate(self._entities)}
        rows = np.zeros((max(_LEAST, count), self._width), np.int64)
        rows[:count] = np.frombuffer(saved, "<i8").reshape(count, -1)
        self._hold(rows)

    def changed(self, key: str, before: bytes | None, now: bytes | None) -> None:
        """See ``View``."""
        entity = id_of(self._prefix, key)
        slot = self._slots.get(entity)
        if now is not None:
            row = np.frombuffer(self._row(key, now), "<i8")
            self._rows[self._new(entity) if slot is None else slot] = row
        elif slot is not None:
            self._release(slot)

    def _new(self, entity: Any) -> int:
        if self._free:
            slot = self._free.pop()
            self._entities[slot], self._keys[slot] = entity, key_of(self._prefix, entity)
        else:
            slot = len(self._entities)
            self._entities.append(entity)
            self._keys.append(key_of(self._prefix, entity))
            if slot == len(self._rows):
                rows = np.zeros((2 * slot, self._width), np.int64)
                rows[:slot] = self._rows
                self._hold(rows)
        self._rows[slot, TOP] = NEVER  # whatever is there is cleared by the first update
        self._slots[entity] = slot
        return slot

    def _release(self, slot: int) -> None:
        del self._slots[self._entities[slot]]
        self._entities[slot] = None
        self._changed[slot] = False
        self._free.append(slot)

    def _hold(self, rows: Ints) -> None:
        words: Words = rows.view(np.uint64)
        counts: Counts = rows.view(np.int32)
        changed = np.zeros(len(rows), np.bool_)
        changed[: len(self._changed)] = self._changed
        self._rows, self._changed = rows, changed
        self._pasts = Pasts(rows, rows.view(np.float64), words, counts)

    def _row(self, key: str, value: bytes) -> bytes:
        content = content_of(value, self._number)
        if len(content) != 8 * self._width:
            raise PastMismatch(f"{key}: {len(content):,} bytes, not {8 * self._width:,}")
        return content


def prefix_of(number: int) -> str:
    """Of the keys of a table's rows."""
    return f"{state_keys.ENTITY}{number}/"


def content_of(saved: bytes, number: int) -> bytes:
    """What follows the version. Raises PastMismatch for another one."""
    if saved[:1] != VERSION:
        what = f"version {saved[0]}" if saved else "nothing"
        raise PastMismatch(
            f"entities[{number}]: the saved past is {what}; this riverrun reads version 1"
        )
    return saved[1:]
