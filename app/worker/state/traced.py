"""Finds the entry of a state that cannot be read; it costs nothing where all can."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

from agents.entries import Entries, Part
from agents.state import Checksum, State
from agents.store import Store
from agents.tables.table import Table


class Traced:
    """A store that remembers which entry was read last.

    Args:
        store: Has the entries; it is not changed.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changed: dict[str, bytes | None] = {}
        self.key: str | None = None

    @property
    def tables(self) -> Collection[Table]:
        return self._store.tables

    def table(self, prefix: str) -> Table:
        return self._store.table(prefix)

    def note(self, on: bool) -> None:
        """Nothing: the store is another's."""

    def plain(self) -> Iterator[tuple[str, bytes]]:
        return self._store.plain()

    def update(self, entries: Mapping[str, bytes | None]) -> None:
        raise NotImplementedError  # agents change entries one by one

    def patch(self, patches: Mapping[str, bytes]) -> None:
        raise NotImplementedError  # agents change entries one by one

    def some(self, keys: Collection[str]) -> Iterator[tuple[str, bytes]]:
        return self._store.some(keys)

    def get(self, key: str, /) -> bytes | None:
        self.key = key
        return self._changed[key] if key in self._changed else self._store.get(key)

    def __setitem__(self, key: str, value: bytes, /) -> None:
        self._changed[key] = value

    def pop(self, key: str, default: None, /) -> bytes | None:
        value, self._changed[key] = self.get(key), None
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._store)

    def __len__(self) -> int:
        return len(self._store)

    def beginning(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        for key, value in self._store.beginning(prefix):
            self.key = key
            yield key, value

    def part(self, part: Part) -> Mapping[str, bytes]:
        return self._store.part(part)

    def packed_part(self, part: Part, without: Collection[str]) -> Entries:
        raise NotImplementedError  # no agent writes records

    def replace(self, part: Part, entries: Mapping[str, bytes]) -> None:
        raise NotImplementedError  # agents change entries one by one

    def close(self) -> None:
        """Nothing: the store is another's."""


def unreadable(make: Callable[[State], object], store: Store) -> str | None:
    """The key of the entry that was read last before ``make`` failed; None where it does not."""
    traced = Traced(store)
    try:
        make(State(traced, Checksum(0, 0)))
    except Exception:  # whatever it was: the caller has it already
        return traced.key
    return None
