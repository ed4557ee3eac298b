"""Records of all partitions in the rounds in which a worker would have read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from app.pipeline.load import Pipeline
from app.pipeline.stages import mark_length, merged_together, merged_topics, mixes
from app.trial.records import TrialRecord
from app.worker.input.rounds import Part


def rounds(
    pipeline: Pipeline, records: Iterable[TrialRecord], size: int
) -> Iterator[Sequence[Part]]:
    """Parts by partition, as `app.worker.input.rounds.Rounds` takes them of topics that have all.

    Args:
        pipeline: Says what is read together.
        records: In the order of time.
        size: Records of a round, about.
    """
    topics = merged_topics(pipeline) or (pipeline.events.topic,)
    # Of one time labels go first, then the smaller partition.
    rank = {topic: -number for number, topic in enumerate(topics)}
    span, place = mark_length(pipeline) if mixes(pipeline) else None, 0
    for chunk in _chunks(records, size, span):
        chunk.sort(key=lambda record: (record.time, rank[record.topic_], record.partition_))
        mark = None if span is None else chunk[0].time // span
        yield _parts(topics[0], chunk, place, mark, together=merged_together(pipeline))
        place += len(chunk)


def _parts(
    topic: str, chunk: Sequence[TrialRecord], first: int, mark: int | None, *, together: bool
) -> Sequence[Part]:
    parts: dict[int, Part] = {}
    for place, record in enumerate(chunk, first):
        part = parts.setdefault(record.partition_, Part(topic, record.partition_, mark=mark))
        part.records.append(record)
        part.places.append(place)
    *others, last = parts.values()
    return [*(replace(part, last=not together) for part in others), last]


def _chunks(
    records: Iterable[TrialRecord], size: int, span: int | None
) -> Iterator[list[TrialRecord]]:
    """As many records as a round has; all of one time together, and none of two marks."""
    chunk: list[TrialRecord] = []
    for record in records:
        if chunk and record.time != chunk[-1].time:
            passes = span is not None and record.time // span != chunk[0].time // span
            if passes or len(chunk) >= size:
                yield chunk
                chunk = []
        chunk.append(record)
    if chunk:
        yield chunk
