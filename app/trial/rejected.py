"""The rows of a source that a trial has rejected, and why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from app.dead_letter_reasons import grouped
from app.pipeline.load import Pipeline
from app.pipeline.topics import codec_of
from app.trial.run import Trial
from app.trial.topics import TrialTopics
from topics.codecs import Codec
from topics.dead_letters import reason
from topics.errors import DecodeError

SHOWN = 3
"""Reasons that are shown."""


@dataclass(frozen=True)
class RejectedRow:
    """A row that became a dead letter.

    Attributes:
        where: Its place in the source; empty where no row brought it, such as an expired label.
        stage, error: As in the headers of a dead letter.
        row: Its fields; None where they cannot be read.
    """

    where: str
    stage: str
    error: str
    row: Any


def rejected_rows(pipeline: Pipeline, trial: Trial) -> Iterator[RejectedRow]:
    """All of them, in the order in which they were rejected."""
    places = {(record.topic_, record.offset_): record.where for record in trial.records}
    labels, event_codec = pipeline.labels, codec_of(pipeline, "events")
    label_codec = codec_of(pipeline, "labels") if labels else event_codec
    for letter in TrialTopics(pipeline, trial).letters():
        why = reason(letter.headers() or [])
        codec = label_codec if labels and why.topic == labels.topic else event_codec
        where = places.get((why.topic, why.offset), "")
        yield RejectedRow(where, why.stage, why.message, _row(codec, letter.value()))


def most_frequent(rows: Iterable[RejectedRow]) -> list[str]:
    """A line for each of the most frequent reasons, with the first row that has it."""
    groups, _ = grouped(rows, lambda row: (row.stage, row.error))
    lines = [_line(group.first, group.count) for group in groups[:SHOWN]]
    left = len(groups) - SHOWN
    return [*lines, f"and {left:,} other reasons"] if left > 0 else lines


def _line(first: RejectedRow, count: int) -> str:
    rows, place = "1 row" if count == 1 else f"{count:,} rows", first.where or "by its time"
    return f"{rows} rejected ({first.stage}), the first {place}: {first.error}"


def _row(codec: Codec, value: bytes | None) -> Any:
    try:
        row = codec.decode(value)
        json.dumps(row)
    except (DecodeError, TypeError, ValueError):
        return None
    return row
