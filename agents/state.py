"""The keyed store of one input partition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol, runtime_checkable


@runtime_checkable
class Store(Protocol):
    """Where the values of a state lie: in memory, or wherever the runtime puts them.

    Nobody but the state changes it.
    """

    def get(self, key: str, /) -> bytes | None: ...
    def __setitem__(self, key: str, value: bytes, /) -> None: ...
    def pop(self, key: str, default: None, /) -> bytes | None: ...
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...

    def beginning(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Keys that begin with ``prefix``, and their values; nothing may change meanwhile."""
        ...

    def close(self) -> None:
        """Let go of what it holds; it is not used any more."""
        ...


class MemoryStore(dict[str, bytes]):
    """A store in memory."""

    __slots__ = ()

    def beginning(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        return ((key, value) for key, value in self.items() if key.startswith(prefix))

    def close(self) -> None:
        pass


class State:
    """What one input partition remembers: its model, and where it stands.

    Values are bytes. Every change is noted until ``changes`` hands it over to a commit.

    Args:
        entries: What was restored: a store, which the state makes its own, or anything else
            with keys and values, which it copies into memory.

    >>> state = State({"a": b"1"})
    >>> state.put("b", b"2"); state.delete("a")
    >>> state.changes()
    {'b': b'2', 'a': None}
    >>> state.changes()
    {}
    """

    def __init__(self, entries: Store | Mapping[str, bytes] | None = None) -> None:
        self._store = entries if isinstance(entries, Store) else MemoryStore(entries or {})
        self._changed: dict[str, bytes | None] = {}

    def get(self, key: str) -> bytes | None:
        """The value of ``key``, or None."""
        return self._store.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Set ``key``."""
        self._store[key] = value
        self._changed[key] = value

    def delete(self, key: str) -> None:
        """Forget ``key``; nothing happens where it is unknown."""
        if self._store.pop(key, None) is not None:
            self._changed[key] = None

    def items(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Keys that begin with ``prefix``, and their values, in no order.

        Nothing may be changed before all are read.
        """
        return self._store.beginning(prefix)

    def changes(self) -> dict[str, bytes | None]:
        """What changed since the last call; None marks a deleted key."""
        changed, self._changed = self._changed, {}
        return changed

    def close(self) -> None:
        """Let go of the store; the state is not used any more."""
        self._store.close()

    def __iter__(self) -> Iterator[str]:
        return iter(self._store)

    def __len__(self) -> int:
        return len(self._store)
