"""Who was detected already: they are left out of the places of later windows."""

from __future__ import annotations

from typing import Any

import msgpack

from agents import state_keys
from agents.views import Section

PREFIX = state_keys.EVALUATION_DETECTED
"""Of the keys; the start of the window follows."""


class Detected:
    """The entities that were detected by each scorer, by closed window.

    Args:
        section: Of the evaluation in the state; keys begin with "judge/caught/".
    """

    def __init__(self, section: Section) -> None:
        self._section = section
        self._windows: dict[int, dict[str, list[Any]]] = {}
        self._ever: dict[str, set[Any]] = {}

    def restore(self, key: str, value: bytes) -> None:
        """Take an entry of the state back; its key begins with ``PREFIX``."""
        self._windows[int(key.removeprefix(PREFIX))] = msgpack.unpackb(value)

    def by(self, scorer: str) -> set[Any]:
        """The entities detected by a scorer, in all windows; kept until the next is closed."""
        if scorer not in self._ever:
            found = {entity for each in self._windows.values() for entity in each.get(scorer, ())}
            self._ever[scorer] = found
        return self._ever[scorer]

    def close(self, start: int, detected: dict[str, list[Any]]) -> None:
        """A window is closed: who was detected in it, by scorer."""
        if any(detected.values()):
            self._windows[start] = detected
            self._ever = {}
            self._section.put(f"{PREFIX}{start}", msgpack.packb(detected))

    def forget(self, before: int) -> None:
        """Forget the windows that began before a time."""
        for start in [start for start in self._windows if start < before]:
            del self._windows[start]
            self._ever = {}
            self._section.delete(f"{PREFIX}{start}")
