"""How a later stage makes dead letters of what it was forwarded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from topics.codecs import Codec


@dataclass(frozen=True, slots=True)
class DeadLetterFormat:
    """How a later stage makes the dead letter of what it was forwarded.

    The value is the event with the features that were added so far, or the label, each in the
    format of its own topic.

    Attributes:
        events: The format of the events topic.
        labels: The format of the labels topic, and its fields of id and label.
    """

    events: Codec
    labels: tuple[Codec, str, str] | None = None

    def event(self, fields: Mapping[str, Any]) -> bytes:
        """The value of the letter of an event."""
        return self.events.encode(fields)

    def label(self, id_: Any, label: Any) -> bytes:
        """The value of the letter of a label."""
        codec, id_field, label_field = self.labels or (self.events, "id", "label")
        return codec.encode({id_field: id_, label_field: label})
