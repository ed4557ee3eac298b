"""How labels find their events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FORGET = "drop"
"""The value of `on_expire` that gives an expired event no label."""


@dataclass(frozen=True, slots=True)
class JoinSettings:
    """How labels find their events.

    Attributes:
        expire: Milliseconds that an event or a label waits for the other.
        on_expire: "drop", or the label to be learned of an event that got none.
        max_waiting: The most entries: events, labelled or not, and early labels together.
        label: The name of the label among the fields of its operation.
        keep: The fields of an event that its labels' operations shall have.
        by_id: Whether labels are keyed by the ids of their events; else like these.
    """

    expire: int
    on_expire: Any = FORGET
    max_waiting: int = 1_000_000
    label: str = "label"
    keep: tuple[str, ...] = ()
    by_id: bool = False
