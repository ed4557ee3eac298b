"""What happens to a pipeline, in the order of time: an event comes, or a label becomes known."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from topics.records import Record, Source

Kind = Literal["learn", "correct", "drop"]
"""Of a label: the first one of its event, one that takes the place of another, or none any more."""


class Event(msgspec.Struct, gc=False):
    """An event on its way through the stages; each adds fields to it.

    Attributes:
        id: Its own id; None where the pipeline names no id field.
        time: Of its record, in milliseconds since 1970.
        fields: What it says, and the features that were added.
        label: The label that came with it; None where labels come later, or never.
        key: Of the record on the events topic: the prediction gets the same.
        source: Where it lies on the events topic.
        record: The record of this stage's input; it becomes the dead letter.
    """

    id: Any
    time: int
    fields: dict[str, Any]
    label: Any
    key: bytes | None
    source: Source
    record: Record


class Label(msgspec.Struct, gc=False):
    """What became known of an earlier event.

    Attributes:
        id: Of the event.
        time: When it became known: the time of the stream, in milliseconds since 1970.
        event_time: When the event was.
        kind: "learn": the event's first label. "correct": it takes the place of `before`.
            "drop": nothing more will be heard of the event; `label` is None.
        label: As the label's record has it.
        before: The label that was known until now, of a "correct".
        weight: How often it is to be learned: a whole number, 0 for not at all.
        fields: Those fields of the event that later stages need: the entities, and what
            features are made of.
        record: The record that brought it. Of a label that was given because none came:
            one without a topic.
    """

    id: Any
    time: int
    event_time: int
    kind: Kind
    label: Any
    before: Any
    weight: int
    fields: dict[str, Any]
    record: Record


Op = Event | Label
