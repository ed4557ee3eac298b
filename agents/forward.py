"""From one stage to the next: events and labels, keyed by another field."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.errors import InvalidEvent
from agents.events.fields import short
from agents.events.limits import all_fit, fits
from agents.forwarded import Forwarded, ForwardedEvent, ForwardedLabel
from agents.operations import EVENT, KINDS, Letters, Operations, Row
from agents.outputs import Outputs, Refused
from agents.packing import unpacker
from agents.records import StoredRecord
from agents.rejected import Rejected
from topics.records import Batch


class ForwardSource:
    """The source of a later stage: what the stage before has forwarded over Kafka.

    Args:
        letters: How dead letters are made of it.
    """

    labels = None

    def __init__(self, letters: Letters) -> None:
        self._decode = unpacker(ForwardedEvent | ForwardedLabel)
        self._letters = letters

    def save(self) -> None:
        """Nothing: there is no state."""

    def read(self, batch: Batch) -> tuple[Operations, list[Rejected]]:
        """What these records say."""
        rows = [_row(self._decode(record.value())) for record in batch.records]
        places = batch.places or [0] * len(rows)
        operations = Operations.of(rows, batch.records, places)
        operations.letters = self._letters
        return operations, []


def _row(said: ForwardedEvent | ForwardedLabel) -> Row:
    record = StoredRecord(said.source, said.key, None, said.time)
    if isinstance(said, ForwardedEvent):
        return EVENT, said.time, said.time, said.id, said.fields, None, None, 0, record
    return (
        KINDS.index(said.kind) + 1,
        said.time,
        said.event_time,
        said.id,
        said.fields,
        said.label,
        said.before,
        said.weight,
        record,
    )


class Forward:
    """The sink of a stage before the last: everything goes on, keyed by another field.

    Args:
        topic: Of the next stage.
        field: The field that keys it; a text or an integer.
        letters: How dead letters are made of what was forwarded in memory.
    """

    model = None

    def __init__(self, topic: str, field: str, letters: Letters) -> None:
        self._topic = topic
        self._field = field
        self._letters = letters

    def save(self) -> None:
        """Nothing: there is no state."""

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
        return operations.column(self._field, np.arange(len(operations)))

    def _error(self, value: Any) -> InvalidEvent:
        return InvalidEvent(f"{self._field}: expected a text or an integer, got {short(value)}")
