"""Looks into a pipeline from outside: per partition its offsets, its lag and its learner."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from app import state_topic
from app.pipeline import Pipeline
from app.reading import Reader
from app.tasks import MODEL
from learners import snapshots
from learners.errors import LearnerError


@dataclass(frozen=True)
class PartitionReport:
    """One partition of the input.

    Attributes:
        partition: Its number.
        committed: The group has done the events below this offset; None: none yet.
        end: The offset that the next event gets.
        lag: Offsets between the two; the markers of transactional producers count too.
        learner: The type of the saved learner; None where none was saved yet.
        learned: Events that it has learned.
        fingerprint: Of the saved learner, in hexadecimal digits; equal for equal learners.
        state_bytes: Size of the partition's state: its keys and values as they are restored.
        problem: Why the saved learner cannot be used, if so.
    """

    partition: int
    committed: int | None
    end: int
    lag: int
    learner: str | None
    learned: int
    fingerprint: str | None
    state_bytes: int
    problem: str | None = None


def inspect(
    pipeline: Pipeline, reader: Reader, snapshot_key: bytes | None = None
) -> list[PartitionReport]:
    """Report on each partition of the pipeline's input.

    A worker may go on meanwhile: then the state may be a little newer than the offsets.

    Args:
        pipeline: Which one.
        reader: Reads its topics.
        snapshot_key: Checks models that were signed.

    Raises:
        ReadError: When a topic is not there, or cannot be read.
        StateDamaged: When the state on Kafka is not whole.
    """
    committed = reader.committed(pipeline.events.topic)
    ends = reader.ends(pipeline.events.topic)
    starts = reader.starts(pipeline.events.topic)
    states = _states(pipeline, reader)
    return [
        _report(
            pipeline,
            partition,
            (starts[partition], committed[partition], end),
            states.get(partition, {}),
            snapshot_key,
        )
        for partition, end in sorted(ends.items())
    ]


def _states(pipeline: Pipeline, reader: Reader) -> dict[int, dict[str, bytes]]:
    raw: defaultdict[int, dict[bytes, bytes]] = defaultdict(dict)
    for record in reader.read(pipeline.state_topic):
        key, value = record.key(), record.value()
        if value is None:
            raw[record.partition() or 0].pop(key, None)
        else:
            raw[record.partition() or 0][key] = value
    return {partition: state_topic.entries(rows) for partition, rows in raw.items()}


def _report(
    pipeline: Pipeline,
    partition: int,
    offsets: tuple[int, int | None, int],
    entries: Mapping[str, bytes],
    key: bytes | None,
) -> PartitionReport:
    start, committed, end = offsets
    learner, learned, fingerprint, problem = _learner(pipeline, entries.get(MODEL), key)
    return PartitionReport(
        partition=partition,
        committed=committed,
        end=end,
        lag=end - (start if committed is None else max(start, committed)),
        learner=learner,
        learned=learned,
        fingerprint=fingerprint,
        state_bytes=sum(len(name.encode()) + len(value) for name, value in entries.items()),
        problem=problem,
    )


def _learner(
    pipeline: Pipeline, snapshot: bytes | None, key: bytes | None
) -> tuple[str | None, int, str | None, str | None]:
    if snapshot is None:
        return None, 0, None, None
    try:
        model, header = snapshots.load(snapshot, key=key, allow=pipeline.snapshots.allow)
    except LearnerError as error:
        return None, 0, None, str(error)
    return header.type, header.learned, model.fingerprint(), None
