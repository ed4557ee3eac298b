"""Where the values of a partition's state lie, by key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol, runtime_checkable
from zlib import crc32

HASHES = 1 << 32
"""How many values a CRC-32 may have."""
_FULL = 256
"""So many entries a dict may keep when it is divided further than it need be."""


class Part(NamedTuple):
    """The keys whose CRC-32 begins with certain bits.

    Attributes:
        bits: How many bits; 0: all keys.
        prefix: Their value.

    >>> Part(2, 3).first == 0xC0000000, Part(2, 3).end == HASHES
    (True, True)
    """

    bits: int
    prefix: int

    @classmethod
    def at(cls, first: int, bits: int) -> Part:
        """That of ``bits`` bits which begins with this CRC-32."""
        return cls(bits, first >> (32 - bits))

    @property
    def first(self) -> int:
        """The smallest CRC-32."""
        return self.prefix << (32 - self.bits)

    @property
    def end(self) -> int:
        """The first CRC-32 behind it."""
        return (self.prefix + 1) << (32 - self.bits)

    def has(self, key: str) -> bool:
        """Whether a key belongs to it."""
        return self.first <= crc32(key.encode()) < self.end


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

    def part(self, part: Part) -> Mapping[str, bytes]:
        """The entries of a part, as they are now; nothing may change meanwhile."""
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
    """A store in memory: extendible hashing (Fagin et al. 1979) over dicts.

    A dict is divided or united when a part is asked for that is not one of a dict already. So
    a part costs nothing but its own entries, and no dict is so large that its growth takes long.

    Args:
        entries: To begin with.
    """

    __slots__ = ("_leaves", "_shift")

    def __init__(self, entries: Mapping[str, bytes] | None = None) -> None:
        self._leaves = [_Leaf(Part(0, 0))]  # a leaf stands at each place of its part
        self._shift = 32
        for key, value in (entries or {}).items():
            self[key] = value

    def get(self, key: str, /) -> bytes | None:
        return self._leaves[crc32(key.encode()) >> self._shift].get(key)

    def __setitem__(self, key: str, value: bytes, /) -> None:
        self._leaves[crc32(key.encode()) >> self._shift][key] = value

    def pop(self, key: str, default: None, /) -> bytes | None:
        return self._leaves[crc32(key.encode()) >> self._shift].pop(key, default)

    def __iter__(self) -> Iterator[str]:
        return (key for leaf in self.leaves() for key in leaf)

    def __len__(self) -> int:
        return sum(map(len, self.leaves()))

    def beginning(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        items = (item for leaf in self.leaves() for item in leaf.items())
        return (item for item in items if item[0].startswith(prefix)) if prefix else items

    def part(self, part: Part) -> Mapping[str, bytes]:
        return self._leaf(part)

    def replace(self, part: Part, entries: Mapping[str, bytes]) -> None:
        leaf = self._leaf(part)
        leaf.clear()
        leaf.update(entries)

    def close(self) -> None:
        pass

    def leaves(self) -> Iterator[dict[str, bytes]]:
        """The dicts that have the entries."""
        at = 0
        while at < len(self._leaves):
            leaf = self._leaves[at]
            yield leaf
            at = leaf.part.end >> self._shift

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
