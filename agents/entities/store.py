"""The pasts of all entities of a table: an array with a row for each, saved row by row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from agents import state_keys
from agents.entities.declare import Declared
from agents.entities.layout import Layout
from agents.entities.rows import VERSION, PastMismatch, PastRows, content_of, prefix_of
from agents.entities.shapes import NEVER, Pasts
from agents.state import State
from learners.engine.kernels import Ints


class Store:
    """The rows of a table, the newest bucket of its stream, and how both are saved.

    In the state an entity is ``entity/<table>/<its value as JSON>``; see ``PastRows``.
    ``entity/<table>`` holds the settings that the rows depend on, and the newest bucket of the
    stream.

    Args:
        declared: The table.
        layout: Of its rows.
        state: What was restored; it gets the changes.

    Raises PastMismatch.
    """

    def __init__(self, declared: Declared, layout: Layout, state: State) -> None:
        self._state = state
        self._number = declared.table.number
        self._key = f"{state_keys.ENTITY}{self._number}"
        self._settings = _settings(declared)
        self._ring = declared.windows.ring
        self.clock = self._saved_clock = self._swept = self._restored_clock()
        new_rows = partial(PastRows, self._number, layout.width)
        self._rows = state.view(prefix_of(self._number), new_rows)
        self._table = state.table(state_keys.ENTITY)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def pasts(self) -> Pasts:
        """See ``PastRows``."""
        return self._rows.pasts

    def slots(self, entities: Sequence[Any], grows: NDArray[np.bool_]) -> Ints:
        """See ``PastRows``."""
        return self._rows.slots(entities, grows)

    def touched(self, slots: Ints) -> None:
        """See ``PastRows``."""
        self._rows.touched(slots)

    def save(self) -> None:
        """Put what changed since the last call into the state; delete what nothing remembers.

        An entity goes when the stream has left its newest bucket behind, so once for each
        bucket of the stream all are looked at.
        """
        if self.clock > self._swept:
            self._table.update((key, None) for key in self._rows.sweep(self.clock - self._ring))
            self._swept = self.clock
        self._table.put(*self._rows.to_save())
        if self.clock > self._saved_clock:
            header = {"settings": self._settings, "clock": self.clock}
            self._state.put(self._key, VERSION + msgspec.msgpack.encode(header))
            self._saved_clock = self.clock

    def _restored_clock(self) -> int:
        saved = self._state.get(self._key)
        if saved is None:
            return NEVER
        header = msgspec.msgpack.decode(content_of(saved, self._number))
        made_with = header["settings"]
        for name in {**self._settings, **made_with}:
            saved_one, now = made_with.get(name), self._settings.get(name)
            if saved_one != now:
                raise PastMismatch(
                    f"entities[{self._number}]: the saved past was made with {name} = "
                    f"{saved_one!r}, not {now!r}; take that again, or give the pipeline another "
                    "name, under which it starts anew"
                )
        return int(header["clock"])


def _settings(declared: Declared) -> dict[str, Any]:
    """What the rows depend on."""
    table = declared.table
    settings: dict[str, Any] = {
        "field": table.field,
        "source": table.source,
        "bucket": declared.windows.bucket / 1000,
        "buckets": declared.windows.ring,
        "sums of": list(declared.sums),
        "deviations of": list(declared.fields("std")),
        "distinct": list(declared.marks),
    }
    if trends := declared.fields("trend"):
        settings["trends of"] = list(trends)
    if declared.depths:
        settings["earlier values of"] = declared.depths
    return settings
