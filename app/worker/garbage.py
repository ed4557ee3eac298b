"""When Python looks for garbage.

A batch is tens of thousands of objects that live until their commit and hold no cycles: to
walk them again and again, as Python does by itself, took a third of a worker's time.
"""

from __future__ import annotations

import gc

NEW_OBJECTS = 200_000
"""More than wait for a commit by default; cycles, which only a walk finds, may grow as many."""


def collect_seldom() -> None:
    """Leave out what is there already, and walk the rest after so many more objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
