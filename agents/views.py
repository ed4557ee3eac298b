"""What agents have at hand of a state, so that they need not go through its entries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from agents.state import State

Get = Callable[[str], bytes | None]
"""Gives the value of a key as it is now, or None."""


class View(Protocol):
    """What an agent has at hand of all entries that begin with a prefix.

    While the state is this worker's, the agent keeps it up to date. While the state is another
    worker's, and followed, each change comes by ``changed``: so it is ready when the state is
    taken over, and nothing needs to go through the entries.
    """

    def fill(self, entries: Iterable[tuple[str, bytes]]) -> None:
        """All entries that there are; called once, when there is nothing in it."""
        ...

    def changed(self, key: str, before: bytes | None, now: bytes | None) -> None:
        """An entry came, changed, or went, where ``now`` is None; the store has it already."""
        ...


NewView = Callable[[Get], View]


class Keys(set[str]):
    """The keys that begin with a prefix, where values are read one by one; a view."""

    def __init__(self, _: Get) -> None:
        super().__init__()

    def fill(self, entries: Iterable[tuple[str, bytes]]) -> None:
        self.update(key for key, _ in entries)

    def changed(self, key: str, before: bytes | None, now: bytes | None) -> None:
        if now is None:
            self.discard(key)
        else:
            self.add(key)


class Section:
    """The entries of a state that begin with a prefix, of which it knows the keys.

    Args:
        state: Of the partition.
        prefix: Of the keys.

    Attributes:
        keys: Of the entries.
    """

    def __init__(self, state: State, prefix: str) -> None:
        self._state = state
        self.keys = state.view(prefix, Keys)

    def get(self, key: str) -> bytes | None:
        """See ``State``."""
        return self._state.get(key)

    def put(self, key: str, value: bytes) -> None:
        """See ``State``."""
        self._state.put(key, value)
        self.keys.add(key)

    def delete(self, key: str) -> None:
        """See ``State``."""
        self._state.delete(key)
        self.keys.discard(key)
