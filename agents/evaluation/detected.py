"""Who was caught already: they are left out of the places of later windows."""

from __future__ import annotations

from typing import Any

import msgpack

from agents import state_keys
from agents.views import Section

PREFIX = state_keys.JUDGE_CAUGHT
"""Of the keys; the start of the window follows."""


class Detected:
    """The entities that each rival caught, by closed window.

    Args:
        section: Of the judge in the state; keys begin with "judge/caught/".
    """

    def __init__(self, section: Section) -> None:
        self._section = section
        self._windows: dict[int, dict[str, list[Any]]] = {}
        self._ever: dict[str, set[Any]] = {}

    def restore(self, key: str, value: bytes) -> None:
        """Take an entry of the state back; its key begins with ``PREFIX``."""
        self._windows[int(key.removeprefix(PREFIX))] = msgpack.unpackb(value)

    def by(self, rival: str) -> set[Any]:
        """The entities that a rival caught, in all windows; kept until the next is closed."""
        if rival not in self._ever:
            found = {entity for each in self._windows.values() for entity in each.get(rival, ())}
            self._ever[rival] = found
        return self._ever[rival]

    def close(self, start: int, caught: dict[str, list[Any]]) -> None:
        """A window is closed: who was caught in it, by rival."""
        if any(caught.values()):
            self._windows[start] = caught
            self._ever = {}
            self._section.put(f"{PREFIX}{start}", msgpack.packb(caught))

    def forget(self, before: int) -> None:
        """Forget the windows that began before a time."""
        for start in [start for start in self._windows if start < before]:
            del self._windows[start]
            self._ever = {}
            self._section.delete(f"{PREFIX}{start}")
