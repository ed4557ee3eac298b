"""Looks into a pipeline from outside: per partition its offsets, its lag and its learner."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.pipeline.load import Pipeline
from app.reading import Reader
from app.worker import state_topic
from app.worker.tasks import MODEL
from learners import snapshots
from learners.errors import LearnerError
from learners.model import Model
from learners.weights import Weights, weights


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
        model_bytes: Size of the saved learner's snapshot.
        state_bytes: Size of the partition's state: its keys and values as they are restored.
        problem: Why the saved learner cannot be used, if so.
        weights: Of the saved learner; empty where it has none to read, or none were asked for.
        drifts: How often the saved learner has drifted; None where nothing watches it.
        last_drift: Events that it had learned at the last drift; None if there was none.
    """

    partition: int
    committed: int | None
    end: int
    lag: int
    learner: str | None
    learned: int
    fingerprint: str | None
    model_bytes: int
    state_bytes: int
    problem: str | None = None
    weights: Sequence[Weights] = ()
    drifts: int | None = None
    last_drift: int | None = None


def inspect(
    pipeline: Pipeline,
    reader: Reader,
    snapshot_key: bytes | None = None,
    *,
    with_weights: bool = False,
) -> list[PartitionReport]:
    """Report on each partition of the pipeline's input.

    A worker may go on meanwhile: then the state may be a little newer than the offsets.

    Args:
        pipeline: Which one.
        reader: Reads its topics.
        snapshot_key: Checks models that were signed.
        with_weights: Whether to read the weights too.

    Raises:
        ReadError: When a topic is not there, or cannot be read.
        StateDamaged: When the state on Kafka is not whole.
    """
    committed = reader.committed(pipeline.events.topic)
    ends = reader.ends(pipeline.events.topic)
    starts = reader.starts(pipeline.events.topic)
    states = read_states(pipeline, reader)
    return [
        _report(
            pipeline,
            partition,
            (starts[partition], committed[partition], end),
            states.get(partition, {}),
            (snapshot_key, with_weights),
        )
        for partition, end in sorted(ends.items())
    ]


def read_states(pipeline: Pipeline, reader: Reader) -> dict[int, dict[str, bytes]]:
    """Keys and whole values of the state of each partition that has one.

    Raises:
        ReadError: When the state topic is not there, or cannot be read.
        StateDamaged: When the state on Kafka is not whole.
    """
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
    how: tuple[bytes | None, bool],
) -> PartitionReport:
    start, committed, end = offsets
    model, problem = _learner(pipeline, entries.get(MODEL), how[0])
    return PartitionReport(
        partition=partition,
        committed=committed,
        end=end,
        lag=end - (start if committed is None else max(start, committed)),
        learner=model.type if model else None,
        learned=model.learned if model else 0,
        fingerprint=model.fingerprint() if model else None,
        model_bytes=len(entries.get(MODEL, b"")),
        state_bytes=sum(len(name.encode()) + len(value) for name, value in entries.items()),
        problem=problem,
        weights=weights(model) if model and how[1] else (),
        drifts=model.drifts if model else None,
        last_drift=model.last_drift if model else None,
    )


def _learner(
    pipeline: Pipeline, snapshot: bytes | None, key: bytes | None
) -> tuple[Model | None, str | None]:
    """The saved learner, or why it cannot be used; neither where there is none."""
    if snapshot is None:
        return None, None
    try:
        return snapshots.load(snapshot, key=key, allow=pipeline.snapshots.allow)[0], None
    except LearnerError as error:
        return None, str(error)
