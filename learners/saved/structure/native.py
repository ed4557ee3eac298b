"""What River has in Rust: each class with a converter of its own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from learners.errors import SnapshotDamaged
from learners.saved.structure.kinds import Kind


@functools.cache
def kinds() -> dict[type, Kind]:
    """By their classes."""
    from river._river_rust import drift, stats
    from river.utils import VectorDict

    made: list[Callable[[], Any]] = [
        lambda: drift.AdaptiveWindowing(),
        lambda: stats.RsEWMean(0.5),
        lambda: stats.RsEWVar(0.5),
        lambda: stats.RsIQR(0.25, 0.75),
        lambda: stats.RsKurtosis(False),
        lambda: stats.RsPeakToPeak(),
        lambda: stats.RsQuantile(0.5),
        lambda: stats.RsRollingIQR(0.25, 0.75, 2),
        lambda: stats.RsRollingQuantile(0.5, 2),
        lambda: stats.RsSkew(False),
    ]
    found = {type(make()): _statistic(make) for make in made}
    return found | {VectorDict: Kind("VectorDict", _vector_parts, _vector)}


def _statistic(make: Callable[[], Any]) -> Kind:
    """Made by arguments of ours, which its state replaces: those of a file could ask for memory."""

    def made(parts: Sequence[Any]) -> Any:
        (state,) = parts
        value = make()
        try:
            value.__setstate__(state)
        except BaseException as error:
            # PyO3's PanicException is no Exception; all else that is none must go on its way.
            if isinstance(error, Exception) or type(error).__name__ == "PanicException":
                raise SnapshotDamaged(f"a state that is none of {type(value).__name__}") from error
            raise
        if value.__getstate__() != state:
            raise SnapshotDamaged(f"more than the state of {type(value).__name__}")
        return value

    return Kind(type(make()).__name__, lambda value: [value.__getstate__()], made)


def _vector_parts(value: Any) -> list[Any]:
    _, (entries, factory, mask, _) = value.__reduce__()
    return [factory, mask, *entries, *entries.values()]


def _vector(parts: Sequence[Any]) -> Any:
    from river.utils import VectorDict

    factory, mask, *entries = parts
    n, odd = divmod(len(entries), 2)
    if odd:
        raise SnapshotDamaged("a vector with a key too many")
    return VectorDict(dict(zip(entries[:n], entries[n:], strict=True)), factory, mask, True)
