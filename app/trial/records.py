"""The records of a source as a worker would read them from topics with one partition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.pipeline.load import Pipeline
from app.replay.base import Source
from app.replay.records import channels, limited, records

START = 946_684_800_000
"""2000-01-01 in milliseconds since 1970: the time of the first record of a source without times.
Each further one is a millisecond later."""


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """A record with what `confluent_kafka.Message` offers.

    Attributes:
        where: The place in the source that it comes from, such as "history.csv:17".
    """

    topic_: str
    offset_: int
    key_: bytes | None
    value_: bytes | None
    time: int = 0
    where: str = ""
    headers_: Any = None
    error_: Any = None
    partition_: int = 0

    def topic(self) -> str:
        return self.topic_

    def partition(self) -> int:
        return self.partition_

    def offset(self) -> int:
        return self.offset_

    def key(self) -> bytes | None:
        return self.key_

    def value(self) -> bytes | None:
        return self.value_

    def timestamp(self) -> tuple[int, int]:
        return 1, self.time

    def headers(self) -> Any:
        return self.headers_

    def error(self) -> Any:
        return self.error_


def trial_records(
    pipeline: Pipeline, source: Source, limit: int | None = None, key: str | None = None
) -> Iterator[TrialRecord]:
    """What `riverrun replay` would send of `source`, with the offsets that it would have.

    Args:
        pipeline, source, limit, key: As for `app.replay.replay.replay`.

    Raises:
        SourceError: For a bad row.
        ReplayError: For one without its key, or one that is too large.
    """
    to, ends = channels(pipeline, source, key), Counter[str]()
    events = limited(source.read(), limit, with_labels="label" in to)
    for number, sent in enumerate(records(source, events, to)):
        offset = ends[sent.topic]
        ends[sent.topic] += 1
        time = sent.timestamp or START + number
        yield TrialRecord(sent.topic, offset, sent.key, sent.value, time, sent.where)
