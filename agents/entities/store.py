"""The pasts of all entities of a table: an array with a row for each, saved row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from agents.entities.declare import Declared
from agents.entities.kernels import NEVER, TOP, Counts, Pasts, Words
from agents.entities.layout import Layout
from agents.errors import AgentError
from agents.keys import id_of, key_of
from agents.state import State
from learners.kernels import Ints

VERSION = b"\x01"
_LEAST = 64


class PastMismatch(AgentError):
    """A saved past that this version, or these settings of the pipeline, cannot go on with."""


class Store:
    """The rows of a table, and which entity has which.

    In the state an entity is ``entity/<table>/<its value as JSON>``: a byte with the version, then
    its row as it lies in memory, little-endian. ``entity/<table>`` holds the settings that the
    rows depend on, and the newest bucket of the stream.

    Args:
        declared: The table.
        layout: Of its rows.
        state: What was restored; it gets the changes.

    Raises PastMismatch.
    """

    def __init__(self, declared: Declared, layout: Layout, state: State) -> None:
        self._state, self._layout = state, layout
        self._key = f"entity/{declared.table.number}"
        self._prefix = f"{self._key}/"
        self._settings = _settings(declared)
        self._number = declared.table.number
        self._ring = declared.windows.ring
        self.clock = self._saved_clock = self._swept = self._restored_clock()
        self._slots: dict[Any, int] = {}
        self._entities: list[Any] = []
        self._free: list[int] = []
        self._changed = np.zeros(0, np.bool_)
        self._hold(np.zeros((_LEAST, layout.width), np.int64))
        self._restore()

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

    def save(self) -> None:
        """Put what changed since the last call into the state; delete what nothing remembers.

        An entity goes when the stream has left its newest bucket behind, so once for each
        bucket of the stream all are looked at.
        """
        if self.clock > self._swept:
            self._sweep()
            self._swept = self.clock
        slots = np.flatnonzero(self._changed)
        rows = self._rows[slots].astype("<i8", copy=False).tobytes()
        size = 8 * self._layout.width
        for i, slot in enumerate(slots.tolist()):
            key = key_of(self._prefix, self._entities[slot])
            self._state.put(key, VERSION + rows[i * size : (i + 1) * size])
        self._changed[:] = False
        if self.clock > self._saved_clock:
            header = {"settings": self._settings, "clock": self.clock}
            self._state.put(self._key, VERSION + msgspec.msgpack.encode(header))
            self._saved_clock = self.clock

    def _new(self, entity: Any) -> int:
        if self._free:
            slot = self._free.pop()
            self._entities[slot] = entity
        else:
            slot = len(self._entities)
            self._entities.append(entity)
            if slot == len(self._rows):
                rows = np.zeros((2 * slot, self._layout.width), np.int64)
                rows[:slot] = self._rows
                self._hold(rows)
        self._rows[slot, TOP] = NEVER  # whatever is there is cleared by the first update
        self._slots[entity] = slot
        return slot

    def _hold(self, rows: Ints) -> None:
        words: Words = rows.view(np.uint64)
        counts: Counts = rows.view(np.int32)
        changed = np.zeros(len(rows), np.bool_)
        changed[: len(self._changed)] = self._changed
        self._rows, self._changed = rows, changed
        self._pasts = Pasts(rows, rows.view(np.float64), words, counts)

    def _sweep(self) -> None:
        used = len(self._entities)
        gone = self._rows[:used, TOP] <= self.clock - self._ring
        gone[self._free] = False
        for slot in np.flatnonzero(gone).tolist():
            entity = self._entities[slot]
            self._state.delete(key_of(self._prefix, entity))
            del self._slots[entity]
            self._entities[slot] = None
            self._changed[slot] = False
            self._free.append(slot)

    def _restored_clock(self) -> int:
        saved = self._state.get(self._key)
        if saved is None:
            return NEVER
        header = msgspec.msgpack.decode(_content(saved, self._number))
        for name, value in self._settings.items():
            if header["settings"].get(name) != value:
                raise PastMismatch(
                    f"entities[{self._number}]: the saved past was made with {name} = "
                    f"{header['settings'].get(name)!r}, not {value!r}; take that again, or give "
                    "the pipeline another name, under which it starts anew"
                )
        return int(header["clock"])

    def _restore(self) -> None:
        saved = bytearray()
        for key, value in self._state.items(self._prefix):
            self._entities.append(id_of(self._prefix, key))
            saved += self._row(key, value)
        if not saved:
            return
        count = len(self._entities)
        self._slots = {entity: slot for slot, entity in enumerate(self._entities)}
        rows = np.zeros((max(_LEAST, count), self._layout.width), np.int64)
        rows[:count] = np.frombuffer(saved, "<i8").reshape(count, -1)
        self._hold(rows)

    def _row(self, key: str, value: bytes) -> bytes:
        content = _content(value, self._number)
        if len(content) != 8 * self._layout.width:
            raise PastMismatch(f"{key}: {len(content):,} bytes, not {8 * self._layout.width:,}")
        return content


def _settings(declared: Declared) -> dict[str, Any]:
    """What the rows depend on."""
    table = declared.table
    return {
        "field": table.field,
        "source": table.source,
        "bucket": declared.windows.bucket / 1000,
        "buckets": declared.windows.ring,
        "sums of": list(declared.numbers),
        "deviations of": list(declared.fields("std")),
        "distinct": list(declared.marks),
    }


def _content(saved: bytes, number: int) -> bytes:
    if saved[:1] != VERSION:
        what = f"version {saved[0]}" if saved else "nothing"
        raise PastMismatch(
            f"entities[{number}]: the saved past is {what}; this riverrun reads version 1"
        )
    return saved[1:]
