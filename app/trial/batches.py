"""Records in the batches, and in the order, in which a worker would take them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice

from confluent_kafka import KafkaError

from app.pipeline.load import Pipeline
from app.pipeline.stages import merged_topics, stages
from app.trial.records import TrialRecord
from app.worker.input.rounds import Rounds
from topics.records import Batch


def batches(pipeline: Pipeline, records: Iterable[TrialRecord], size: int) -> Iterator[Batch]:
    """The batches of the first stage, up to the end of all topics.

    Events and late labels are merged by their times, as where a worker starts on topics that
    have all of them.
    """
    topics = merged_topics(pipeline)
    topic, chunks = pipeline.events.topic, _chunks(records, size)
    if topics:
        yield from _merged(topics, chunks, size, together=len(stages(pipeline)) > 1)
    else:
        yield from (Batch(topic, 0, chunk, number=n) for n, chunk in enumerate(chunks))


def _merged(
    topics: tuple[str, ...], chunks: Iterator[list[TrialRecord]], size: int, *, together: bool
) -> Iterator[Batch]:
    rounds = Rounds(topics, [(topic, 0) for topic in topics], together=together)
    end = KafkaError(KafkaError._PARTITION_EOF)
    ends = [TrialRecord(topic, 0, None, None, error_=end) for topic in topics]
    number = 0
    for chunk in chain(chunks, [ends]):
        rounds.add(chunk)
        while parts := rounds.take(size):
            for part in parts:
                places = part.places if together else None
                yield Batch(
                    topics[0], 0, part.records, number=number, ends=part.ends, places=places
                )
                number += 1


def _chunks(records: Iterable[TrialRecord], size: int) -> Iterator[list[TrialRecord]]:
    iterator = iter(records)
    while chunk := list(islice(iterator, size)):
        yield chunk
