"""Where the values of a partition's state lie, by key."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol, cast, runtime_checkable
from zlib import crc32

from agents.entries import LARGE, Entries, Part
from agents.state_keys import MANY
from agents.tables.table import Table

_FULL = 256
"""So many entries a dict may keep when it is divided further than it need be."""


@runtime_checkable
class Store(Protocol):
    """Where the values of a state lie: those of prefixes with many entries in tables.

    Nobody but the state changes it, and whoever has its tables.
    """

    @property
    def tables(self) -> Collection[Table]:
        """Those that there are."""
        ...

    def table(self, prefix: str) -> Table:
        """That of a prefix of ``MANY``; it is made where there is none."""
        ...

    def note(self, on: bool) -> None:
        """Whether tables note what changes, from now on."""
        ...

    def plain(self) -> Iterator[tuple[str, bytes]]:
        """The entries that are in no table; nothing may change meanwhile."""
        ...

    def update(self, entries: Mapping[str, bytes | None]) -> None:
        """Set entries; None takes one out."""
        ...

    def patch(self, patches: Mapping[str, bytes]) -> None:
        """Change entries that are in tables by patches; see ``agents.tables.patches``."""
        ...

    def some(self, keys: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """The entries of these keys, as far as there are any; nothing may change meanwhile."""
        ...

    def get(self, key: str, /) -> bytes | None: ...
    def __setitem__(self, key: str, value: bytes, /) -> None: ...
    def pop(self, key: str, default: None, /) -> bytes | None: ...
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...

    def beginning(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Keys that begin with ``prefix``, and their values; nothing may change meanwhile."""
        ...

    def part(self, part: Part) -> Mapping[str, bytes]:
        """The entries of a part, as they are now; nothing may change meanwhile."""
        ...

    def packed_part(self, part: Part, without: Collection[str]) -> Entries:
        """The entries of a part; not the large ones, and not those with these keys."""
        ...

    def replace(self, part: Part, entries: Mapping[str, bytes]) -> None:
        """Let these be the entries of a part, and no others."""
        ...

    def close(self) -> None:
        """Let go of what it holds; it is not used any more."""
        ...


class _Leaf(dict[str, bytes]):
    """The entries of one part."""

    __slots__ = ("part",)

    def __init__(self, part: Part) -> None:
        super().__init__()
        self.part = part


class MemoryStore:
    """A store in memory: tables, and for other keys extendible hashing (Fagin et al. 1979) over
    dicts.

    A dict is divided or united when a part is asked for that is not one of a dict already. So
    a part costs nothing but its own entries, and no dict is so large that its growth takes long.

    Args:
        entries: To begin with.
        folder: Where the tables have their values, in files that are mapped into memory.
    """

    __slots__ = ("_folder", "_leaves", "_notes", "_shift", "_tables")

    def __init__(
        self, entries: Mapping[str, bytes] | None = None, folder: Path | None = None
    ) -> None:
        self._leaves = [_Leaf(Part(0, 0))]  # a leaf stands at each place of its part
        self._shift = 32
        self._tables: dict[str, Table] = {}
        self._folder = folder
        self._notes = False
        self.update(entries or {})

    @property
    def tables(self) -> Collection[Table]:
        return self._tables.values()

    def table(self, prefix: str) -> Table:
        table = self._tables.get(prefix)
        if table is None:
            table = self._tables[prefix] = Table(prefix, self._folder)
            table.note(self._notes)
        return table

    def note(self, on: bool) -> None:
        self._notes = on
        for table in self.tables:
            table.note(on)

    def get(self, key: str, /) -> bytes | None:
        if key.startswith(MANY):
            return self._table_of(key).get(key)
        return self._leaves[crc32(key.encode()) >> self._shift].get(key)

    def __setitem__(self, key: str, value: bytes, /) -> None:
        if key.startswith(MANY):
            self._table_of(key).update([(key, value)])
        else:
            self._leaves[crc32(key.encode()) >> self._shift][key] = value

    def pop(self, key: str, default: None, /) -> bytes | None:
        if not key.startswith(MANY):
            return self._leaves[crc32(key.encode()) >> self._shift].pop(key, default)
        value = self._table_of(key).get(key)
        if value is not None:
            self._table_of(key).update([(key, None)])
        return value

    def update(self, entries: Mapping[str, bytes | None]) -> None:
        plain, many = _divided(entries)
        for key in plain:
            value = entries[key]
            if value is None:
                self.pop(key, None)
            else:
                self[key] = value
        for prefix, keys in many.items():
            self.table(prefix).update((key, entries[key]) for key in keys)

    def patch(self, patches: Mapping[str, bytes]) -> None:
        _, many = _divided(patches)
        for prefix, keys in many.items():
            self.table(prefix).patch({key: patches[key] for key in keys})

    def some(self, keys: Collection[str]) -> Iterator[tuple[str, bytes]]:
        plain, many = _divided(keys)
        yield from ((key, value) for key in plain if (value := self.get(key)) is not None)
        for prefix, some in many.items():
            yield from self.table(prefix).some(some)

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self.beginning(""))

    def __len__(self) -> int:
        return sum(map(len, self.leaves())) + sum(map(len, self.tables))

    def plain(self) -> Iterator[tuple[str, bytes]]:
        return (item for leaf in self.leaves() for item in leaf.items())

    def beginning(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        for key, value in self.plain():
            if key.startswith(prefix):
                yield key, value
        for table in self.tables:
            if table.prefix.startswith(prefix):
                yield from table.items()
            elif prefix.startswith(table.prefix):
                yield from (item for item in table.items() if item[0].startswith(prefix))

    def part(self, part: Part) -> Mapping[str, bytes]:
        plain = self._leaf(part)
        if not self._tables:
            return plain
        packed = Entries(plain, [table.packed(table.part(part)) for table in self.tables])
        return cast("Mapping[str, bytes]", dict(packed))

    def packed_part(self, part: Part, without: Collection[str]) -> Entries:
        plain: dict[str, bytes] = self._leaf(part)
        if without:
            plain = {key: value for key, value in plain.items() if key not in without}
        packed = [table.divided(table.part(part), LARGE)[0] for table in self.tables]
        return Entries(plain, packed)

    def replace(self, part: Part, entries: Mapping[str, bytes]) -> None:
        self._leaf(part).clear()
        for table in self.tables:
            table.remove(table.part(part))
        self.update(entries)

    def close(self) -> None:
        pass

    def leaves(self) -> Iterator[dict[str, bytes]]:
        """The dicts that have the entries."""
        at = 0
        while at < len(self._leaves):
            leaf = self._leaves[at]
            yield leaf
            at = leaf.part.end >> self._shift

    def _table_of(self, key: str) -> Table:
        return self.table(_prefix_of(key))

    def _leaf(self, part: Part) -> _Leaf:
        """The dict of exactly this part."""
        while self._shift > 32 - part.bits:
            self._leaves = [leaf for leaf in self._leaves for _ in range(2)]
            self._shift -= 1
        leaf = self._leaves[part.first >> self._shift]
        while leaf.part.bits < part.bits:
            self._divide(leaf, part.bits - leaf.part.bits)
            leaf = self._leaves[part.first >> self._shift]
        if leaf.part != part:
            leaf = _Leaf(part)
            finer = self._leaves[part.first >> self._shift : part.end >> self._shift]
            entries = {key: value for each in finer for key, value in each.items()}
            self._fill([leaf], entries.items())
        return leaf

    def _divide(self, leaf: _Leaf, most: int) -> None:
        """Put finer dicts in the place of one: by as many bits as it has entries for."""
        more = min(most, max(1, (len(leaf) // _FULL).bit_length()))
        first, bits = leaf.part.prefix << more, leaf.part.bits + more
        self._fill([_Leaf(Part(bits, first + i)) for i in range(1 << more)], leaf.items())

    def _fill(self, leaves: list[_Leaf], entries: Iterable[tuple[str, bytes]]) -> None:
        """Put new dicts in their places, and the entries in them."""
        for leaf in leaves:
            first, end = leaf.part.first >> self._shift, leaf.part.end >> self._shift
            self._leaves[first:end] = [leaf] * (end - first)
        all_, shift = self._leaves, self._shift
        for key, value in entries:
            all_[crc32(key.encode()) >> shift][key] = value


def _divided(keys: Iterable[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Keys that are in no table; and the others, by prefix."""
    plain: list[str] = []
    many: dict[str, list[str]] = {}
    for key in keys:
        if key.startswith(MANY):
            many.setdefault(_prefix_of(key), []).append(key)
        else:
            plain.append(key)
    return plain, many


def _prefix_of(key: str) -> str:
    return key[: key.index("/") + 1]
