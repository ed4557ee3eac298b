"""The rows of a source that a trial has rejected, and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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


def most_frequent(rows: Iterator[RejectedRow]) -> list[str]:
    """A line for each of the most frequent reasons, with the first row that has it."""
    counts, first = Counter[str](), dict[str, RejectedRow]()
    for row in rows:
        kind = _kind(row)
        counts[kind] += 1
        first.setdefault(kind, row)
    lines = []
    for kind, count in counts.most_common(SHOWN):
        row = first[kind]
        rows_, place = "1 row" if count == 1 else f"{count:,} rows", row.where or "by its time"
        lines.append(f"{rows_} rejected ({row.stage}), the first {place}: {row.error}")
    left = len(counts) - SHOWN
    return [*lines, f"and {left:,} other reasons"] if left > 0 else lines


def _kind(row: RejectedRow) -> str:
    """The stage and the beginning of the reason: values and places in it differ."""
    return f"{row.stage} {row.error.partition(':')[0]}"


def _row(codec: Codec, value: bytes | None) -> Any:
    try:
        row = codec.decode(value)
        json.dumps(row)
    except (DecodeError, TypeError, ValueError):
        return None
    return row
