"""The fields of events that are decoded where somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from topics.codecs import Codec
from topics.records import Record

Fields = Mapping[str, Any]


class LazyFields(Sequence[Fields]):
    """Fields by place, each made anew when it is asked for.

    Args:
        make: The fields of one of all.
        which: Those that are meant, in order.
    """

    def __init__(self, make: Callable[[int], Fields], which: Sequence[int]) -> None:
        self._make = make
        self._which = which

    def __len__(self) -> int:
        return len(self._which)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return LazyFields(self._make, self._which[at])
        return self._make(self._which[at])

    def take(self, order: Sequence[int]) -> LazyFields:
        """Some of them, in this order."""
        return LazyFields(self._make, [self._which[i] for i in order])


def undecoded(records: Sequence[Record], codec: Codec) -> LazyFields:
    """The fields of events in the format of their topic."""

    def make(i: int) -> Fields:
        fields: Fields = codec.decode(records[i].value())
        return fields

    return LazyFields(make, range(len(records)))


def chained(parts: Sequence[Sequence[Fields]]) -> Sequence[Fields]:
    """The fields of several batches, one behind the other."""
    if len(parts) == 1:
        return parts[0]
    rows = [(part, i) for part in parts for i in range(len(part))]

    def make(k: int) -> Fields:
        part, i = rows[k]
        return part[i]

    return LazyFields(make, range(len(rows)))
