"""The parts of the suite, by name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos import faults
from tests.chaos.scene import Scene


@dataclass(frozen=True)
class Part:
    """A part: its name, what it is about, what it does, and whether it has a short form."""

    name: str
    about: str
    run: Callable[[Scene], None]
    short: bool


PARTS: dict[str, Part] = {}


def part(*, short: bool = True) -> Callable[[Callable[[Scene], None]], Callable[[Scene], None]]:
    """Make a part of a function, whose name and docstring are its own."""

    def made(run: Callable[[Scene], None]) -> Callable[[Scene], None]:
        name = run.__name__.replace("_", "-")
        PARTS[name] = Part(name, (run.__doc__ or "").split("\n")[0], run, short)
        return run

    return made


def all_parts() -> dict[str, Part]:
    """Every part, in the order of their modules."""
    for module in pkgutil.iter_modules(faults.__path__):
        importlib.import_module(f"{faults.__name__}.{module.name}")
    return PARTS
