"""The last part of a history, which the topics have too, learned both ways from one state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaError

from app.kafka.partitions import TP
from app.kafka.reading import Reader
from app.pipeline.load import Pipeline
from app.pipeline.stages import mark_length, merged_together, merged_topics, mixes
from app.training.consistency import Consistency, Seeing
from app.training.cut import Cut
from app.training.errors import CutRefused
from app.training.history import History
from app.training.rounds import rounds
from app.training.training import LearnerFails, Training
from app.trial.records import TrialRecord
from app.worker.input.rounds import Part, Rounds
from app.worker.tasks import Change


@dataclass(frozen=True)
class Overlap:
    """Both ways of the same records.

    Attributes:
        history: Its training, which is what goes into the pipeline.
        consistency: What both ways have in common.
    """

    history: Training
    consistency: Consistency


def learn_both_ways(
    history: History,
    partitions: Mapping[str, int],
    before: Sequence[Change],
    stream: Sequence[TrialRecord],
    snapshot_key: bytes | None = None,
) -> Overlap:
    """Learn the overlap from the topics, then from the files, each from the same state.

    Args:
        history: Gives its overlap alone: `later` is set.
        partitions: How many each topic has.
        before: The state at the beginning of the overlap.
        stream: The records of the topics, partition after partition.
        snapshot_key: Signs models that need pickle.

    Raises:
        LearnerFails: The learner failed on an event.
    """
    pipeline, size = history.pipeline, history.pipeline.worker.max_batch
    by_stream, by_history = Seeing(), Seeing()
    other = Training(pipeline, partitions, snapshot_key, before=before)
    _learn(other, stream_rounds(pipeline, stream, size), by_stream)
    other.close()
    made = Training(pipeline, partitions, snapshot_key, before=before)
    _learn(made, rounds(pipeline, history.records(), size), by_history)
    return Overlap(made, Consistency.of(by_history.events, by_stream.events))


def records_between(reader: Reader, begin: Cut, end: Cut) -> list[TrialRecord]:
    """The records of events and labels between two cuts, as the topics have them.

    Raises:
        CutRefused: There are none: the topics do not reach back so far.
    """
    found = [
        TrialRecord(
            *(topic, record.offset() or 0, record.key(), record.value(), record.timestamp()[1]),
            partition_=number,
        )
        for topic in dict.fromkeys(at.topic for at in end.offsets)
        for record in reader.read(topic, _of(topic, begin))
        if (record.offset() or 0) < end.offsets[TP(topic, number := record.partition() or 0)]
    ]
    if not found:
        raise CutRefused("the topics have no records of the overlap: leave out --overlap")
    return found


def _of(topic: str, cut: Cut) -> dict[int, int]:
    return {at.partition: offset for at, offset in cut.offsets.items() if at.topic == topic}


def stream_rounds(
    pipeline: Pipeline, records: Iterable[TrialRecord], size: int
) -> Iterator[Sequence[Part]]:
    """The rounds in which a worker reads these records of its topics, which then end."""
    topics = merged_topics(pipeline)
    by_place = defaultdict[TP, list[TrialRecord]](list)
    for record in records:
        by_place[TP(record.topic_, record.partition_)].append(record)
    if not topics:
        yield from _unmerged(by_place, size)
        return
    numbers = {at.partition for at in by_place}
    places = [TP(topic, number) for topic in topics for number in numbers]
    span = mark_length(pipeline) if mixes(pipeline) else None
    reading = Rounds(topics, places, together=merged_together(pipeline), span=span)
    end = KafkaError(KafkaError._PARTITION_EOF)
    for at in places:
        reading.add(by_place[at])
        reading.add([TrialRecord(at.topic, -1, None, None, error_=end, partition_=at.partition)])
    while parts := reading.take(size):
        yield parts


def _unmerged(by_place: Mapping[TP, list[TrialRecord]], size: int) -> Iterator[Sequence[Part]]:
    for at, records in by_place.items():
        for first in range(0, len(records), size):
            part = records[first : first + size]
            yield [Part(at.topic, at.partition, part, list(range(first, first + len(part))))]


def _learn(made: Training, all_parts: Iterable[Sequence[Part]], seeing: Seeing) -> None:
    made.observe(seeing)
    for parts in all_parts:
        if made.run(parts) is None:
            raise LearnerFails("the learner fails on an event of the overlap: leave out --overlap")
