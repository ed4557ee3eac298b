"""What is published of an event once its label has come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from topics.records import ModelVersion, Source


class LabelledEvent(msgspec.Struct, frozen=True, gc=False):
    """An event as it was scored, with its label: what a training offline may know of it.

    Attributes:
        id: Of the event; None where the pipeline names no id field.
        time: Of the event, in milliseconds since 1970.
        label: What was learned.
        label_time: When it came, in the time of the stream: that of the event, where it came with
            it.
        kind: "learn", or "correct" for a label that takes the place of an earlier one.
        weight: How often it was learned.
        features: As they were when the event was scored.
        fields: Those of the event that `history.fields` names.
        prediction, score: As they were published; None where the event could not be scored, or
            was scored before there was a table [history].
        model: Which model scored it; None as before.
        source: Where the event came in; None as before.
    """

    id: Any
    time: int
    label: Any
    label_time: int
    kind: Literal["learn", "correct"]
    weight: int
    features: Mapping[str, Any]
    fields: Mapping[str, Any]
    prediction: Any
    score: float | None
    model: ModelVersion | None
    source: Source | None
