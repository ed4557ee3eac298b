"""The fields of events that are decoded where somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

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
