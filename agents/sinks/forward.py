"""The sink of a stage before the last: all goes on to the next one, keyed by another field."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.dead_letter_format import DeadLetterFormat
from agents.errors import InvalidEvent
from agents.events.fields import short
from agents.events.limits import all_fit, fits
from agents.forwarded import Forwarded
from agents.operations import UNJOINED, Operations
from agents.outputs import Outputs, Refused
from agents.rejected import Rejected


class Forward:
    """Forwards every operation. A label that was not joined yet is keyed by the id of its event.

    Args:
        topic: Of the next stage.
        field: The field that keys it; a text or an integer.
        letters: How dead letters are made of what was forwarded in memory.
    """

    model = None

    def __init__(self, topic: str, field: str, letters: DeadLetterFormat) -> None:
        self._topic = topic
        self._field = field
        self._letters = letters

    def save(self) -> None:
        """Nothing: there is no state."""

    def warm_up(self) -> None:
        """Nothing is compiled."""

    def admit(self, operations: Operations) -> tuple[Operations, list[Rejected]]:
        """What has a key."""
        values = self._keys(operations)
        if isinstance(values, list) and (not values or all_fit(values)):
            return operations, []
        errors = {i: self._error(value) for i, value in enumerate(values) if not fits(value)}
        return operations.set_aside(errors, "validate")

    def process(self, operations: Operations, refused: Refused) -> tuple[Outputs, list[Rejected]]:
        """Forward it all; nothing is learned here, so nothing was refused."""
        keys = list(map(str, self._keys(operations)))
        operations.letters = self._letters
        return Outputs(forwarded=Forwarded(self._topic, keys, operations)), []

    def _keys(self, operations: Operations) -> Any:
        keys = operations.column(self._field, np.arange(len(operations)))
        for i in np.flatnonzero(operations.kinds == UNJOINED).tolist():
            keys[i] = operations.ids[i]
        return keys

    def _error(self, value: Any) -> InvalidEvent:
        return InvalidEvent(f"{self._field}: expected a text or an integer, got {short(value)}")
