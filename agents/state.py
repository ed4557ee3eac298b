"""The keyed store of one input partition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


class State:
    """What one input partition remembers: its model, and where it stands.

    Values are bytes. Every change is noted until ``changes`` hands it over to a commit.

    Args:
        entries: What was restored.

    >>> state = State({"a": b"1"})
    >>> state.put("b", b"2"); state.delete("a")
    >>> state.changes()
    {'b': b'2', 'a': None}
    >>> state.changes()
    {}
    """

    def __init__(self, entries: Mapping[str, bytes] | None = None) -> None:
        self._entries = dict(entries or {})
        self._changed: dict[str, bytes | None] = {}

    def get(self, key: str) -> bytes | None:
        """The value of ``key``, or None."""
        return self._entries.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Set ``key``."""
        self._entries[key] = value
        self._changed[key] = value

    def delete(self, key: str) -> None:
        """Forget ``key``; nothing happens where it is unknown."""
        if self._entries.pop(key, None) is not None:
            self._changed[key] = None

    def changes(self) -> dict[str, bytes | None]:
        """What changed since the last call; None marks a deleted key."""
        changed, self._changed = self._changed, {}
        return changed

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
