"""The keyed store of one input partition."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple, TypeVar, cast
from zlib import crc32

from agents.entries import LARGE, Entries
from agents.state_keys import MANY
from agents.store import MemoryStore, Store
from agents.tables.table import Table
from agents.views import Get, View


class Checksum(NamedTuple):
    """What tells two sets of entries apart, and is brought up to date entry by entry.

    It is proof against damage, such as an entry that is gone or an older one in its place; not
    against somebody who writes a checksum of his own.

    Attributes:
        size: How many entries there are.
        total: The sum of the entries' CRC-32, modulo 2^64.
    """

    size: int
    total: int

    @classmethod
    def of(cls, entries: Iterable[tuple[str, bytes]]) -> Checksum:
        """That of all of these."""
        count = total = 0
        each = iter(entries)
        while weights := [crc32(value, crc32(key.encode())) for key, value in islice(each, 1000)]:
            count, total = count + len(weights), total + sum(weights)
        return cls(count, total % MODULUS)

    @classmethod
    def of_store(cls, store: Store, without: Collection[str] = ()) -> Checksum:
        """That of all entries of a store but those with these keys, which are in no table."""
        count, total = cls.of(item for item in store.plain() if item[0] not in without)
        for table in store.tables:
            more, sum_ = table.checksum()
            count, total = count + more, total + sum_
        return cls(count, total % MODULUS)


MODULUS = 1 << 64
V = TypeVar("V", bound=View)


def weight(key: str, value: bytes) -> int:
    """What an entry adds to the total of a checksum."""
    return crc32(value, crc32(key.encode()))


class State:
    """What one input partition remembers, besides its model.

    Values are bytes. Every change is noted until ``changes`` hands it over to a commit.

    Args:
        entries: What was restored: a store, which the state makes its own, or anything else
            with keys and values, which it copies into memory.
        checksum: Of ``entries``, where it is known.
        views: By prefix, what a standby has ready.

    >>> state = State({"a": b"1"})
    >>> state.put("b", b"2"); state.delete("a")
    >>> state.changes()
    {'b': b'2', 'a': None}
    >>> state.changes()
    {}
    >>> state.checksum == Checksum.of([("b", b"2")])
    True
    """

    def __init__(
        self,
        entries: Store | Mapping[str, bytes] | None = None,
        checksum: Checksum | None = None,
        views: Mapping[str, View] | None = None,
    ) -> None:
        self._store = entries if isinstance(entries, Store) else MemoryStore(entries or {})
        self._ready = dict(views or {})
        self._views: dict[str, View] = {}
        self._changed: dict[str, bytes | None] = {}
        self._count, self._total = checksum or Checksum.of_store(self._store)
        self._store.note(True)

    def get(self, key: str) -> bytes | None:
        """The value of ``key``, or None."""
        return self._store.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Set ``key``."""
        if key.startswith(MANY):  # its table notes what changes
            self._store[key] = value
            return
        if key not in self._changed and (before := self._store.get(key)) is not None:
            self._forget(key, before)
        self._store[key] = value
        self._changed[key] = value

    def delete(self, key: str) -> None:
        """Forget ``key``; nothing happens where it is unknown."""
        value = self._store.pop(key, None)
        if value is not None and not key.startswith(MANY):
            if key not in self._changed:
                self._forget(key, value)
            self._changed[key] = None

    def items(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Keys that begin with ``prefix``, and their values, in no order.

        Nothing may be changed before all are read.
        """
        return self._store.beginning(prefix)

    def view(self, prefix: str, new: Callable[[Get], V]) -> V:
        """The view of the entries that begin with ``prefix``; it is made unless it is ready.

        From now on the caller keeps it up to date.

        Args:
            prefix: Of the keys.
            new: Makes an empty one; always the same for the same prefix.
        """
        view = self._ready.pop(prefix, None)
        if view is None:
            view = new(self._store.get)
            view.fill(self.items(prefix))
        self._views[prefix] = view
        return cast(V, view)

    def table(self, prefix: str) -> Table:
        """The table of a prefix of ``MANY``; what is changed there is changed in the state."""
        return self._store.table(prefix)

    def changes(self) -> Entries:
        """What changed since the last call; None marks a deleted key."""
        changed, self._changed = self._changed, {}
        added = [crc32(v, crc32(k.encode())) for k, v in changed.items() if v is not None]
        self._count += len(added)
        self._total += sum(added)
        packed, patches = [], []
        for table in self._store.tables:
            small, large = table.divided(table.changed, LARGE)
            changed |= {table.key(slot): table.value(slot) for slot in large.tolist()}
            packed.append(small)
            patches.append(table.patches())
            count, total = table.settle()
            self._count, self._total = self._count + count, self._total + total
        return Entries(changed, packed, patches)

    @property
    def store(self) -> Store:
        """Where the values lie."""
        return self._store

    @property
    def checksum(self) -> Checksum:
        """Of all entries as of the last call of ``changes``."""
        return Checksum(self._count, self._total % MODULUS)

    def release(self) -> tuple[Store, dict[str, View]] | None:
        """The store and the views, for whoever follows this state from now on.

        Not where changes wait for their commit: Kafka does not have them. The state is not
        used any more.
        """
        if self._changed or any(table.has_changed for table in self._store.tables):
            return None
        self._store.note(False)
        return self._store, self._views

    def close(self) -> None:
        """Let go of the store; the state is not used any more."""
        self._store.close()

    def __iter__(self) -> Iterator[str]:
        return iter(self._store)

    def __len__(self) -> int:
        return len(self._store)

    def _forget(self, key: str, value: bytes) -> None:
        """Take what was committed of a key, and changes now, out of the checksum."""
        self._count -= 1
        self._total -= weight(key, value)
