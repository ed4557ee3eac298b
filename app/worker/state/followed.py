"""The store of a state that another worker changes, with what agents need at hand of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from agents.entries import Entries, Part
from agents.store import Store
from agents.tables.table import Table
from agents.views import View


class FollowedStore:
    """A store with the views of its entries.

    Args:
        store: Where the values lie.
        views: By prefix, as they are for ``store``.
    """

    def __init__(self, store: Store, views: Mapping[str, View]) -> None:
        self.store = store
        self.views = dict(views)
        self._prefixes = tuple(views)

    @property
    def tables(self) -> Collection[Table]:
        return self.store.tables

    def table(self, prefix: str) -> Table:
        return self.store.table(prefix)

    def note(self, on: bool) -> None:
        self.store.note(on)

    def plain(self) -> Iterator[tuple[str, bytes]]:
        return self.store.plain()

    def update(self, entries: Mapping[str, bytes | None]) -> None:
        with self._watched(entries):
            self.store.update(entries)

    def patch(self, patches: Mapping[str, bytes]) -> None:
        with self._watched(patches):
            self.store.patch(patches)

    def some(self, keys: Collection[str]) -> Iterator[tuple[str, bytes]]:
        return self.store.some(keys)

    def get(self, key: str, /) -> bytes | None:
        return self.store.get(key)

    def __setitem__(self, key: str, value: bytes, /) -> None:
        before = self.store.get(key)
        self.store[key] = value
        self._changed(key, before, value)

    def pop(self, key: str, default: None, /) -> bytes | None:
        before = self.store.pop(key, None)
        if before is None:
            return default
        self._changed(key, before, None)
        return before

    def __iter__(self) -> Iterator[str]:
        return iter(self.store)

    def __len__(self) -> int:
        return len(self.store)

    def beginning(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        return self.store.beginning(prefix)

    def part(self, part: Part) -> Mapping[str, bytes]:
        return self.store.part(part)

    def packed_part(self, part: Part, without: Collection[str]) -> Entries:
        return self.store.packed_part(part, without)

    def replace(self, part: Part, entries: Mapping[str, bytes]) -> None:
        before = dict(self.store.part(part))
        self.store.replace(part, entries)
        for key in before.keys() | entries.keys():
            was, now = before.get(key), entries.get(key)
            if was != now:
                self._changed(key, was, now)

    def close(self) -> None:
        self.store.close()

    @contextmanager
    def _watched(self, keys: Collection[str]) -> Iterator[None]:
        """Tell the views how the entries of these keys change meanwhile."""
        viewed = [key for key in keys if key.startswith(self._prefixes)]
        before = dict(self.store.some(viewed))
        yield
        after = dict(self.store.some(viewed))
        for key in viewed:
            was, now = before.get(key), after.get(key)
            if was is not None or now is not None:
                self._changed(key, was, now)

    def _changed(self, key: str, before: bytes | None, now: bytes | None) -> None:
        for prefix, view in self.views.items():
            if key.startswith(prefix):
                view.changed(key, before, now)


def unwrapped(store: Store) -> tuple[Store, Mapping[str, View]]:
    """The store itself, and the views that are ready."""
    return (store.store, store.views) if isinstance(store, FollowedStore) else (store, {})
