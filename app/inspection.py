"""Looks into a pipeline from outside: per partition its offsets, its lag and its learner."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import msgspec

from agents.labels.counts import KEY as COUNTS
from agents.labels.counts import JoinCounts, restored
from agents.labels.entries import PREFIX, Early, Waiting, decode
from agents.state_keys import ENTITY
from agents.store import MemoryStore
from app.kafka.backlog import Backlog
from app.kafka.reading import Reader
from app.marks import NewestMark, newest_marks
from app.pipeline.load import Pipeline
from app.pipeline.models import loaded_model
from app.pipeline.stages import Stage, stages
from app.worker.state.checks import checked
from app.worker.state.flaws import Flaw, StateDamaged
from app.worker.state.layout import MODEL
from app.worker.state.reader import StateReader
from learners.errors import LearnerError
from learners.model import Model
from learners.weights import Weights, weights


class _Input(NamedTuple):
    """Of one partition of a topic: what is done, the end, and how many records lie between."""

    committed: int | None
    end: int
    lag: int


@dataclass(frozen=True)
class PartitionReport:
    """One partition of the input of a stage.

    Attributes:
        partition: Its number.
        committed: The group has done the records below this offset; None: none yet.
        end: The offset that the next event gets.
        lag: Records between the two, of all topics that the stage reads; see `Backlog`.
        learner: The type of the saved learner; None where none was saved yet.
        learned: Events that it has learned.
        fingerprint: Of the saved learner, in hexadecimal digits; equal for equal learners. None
            where there is no learner, or where none was asked of so large a one.
        model_bytes: Size of the saved learner's snapshot.
        state_bytes: Size of the partition's state: its keys and values as they are restored.
        problem: Why the saved learner cannot be used, if so.
        weights: Of the saved learner; empty where it has none to read, or none were asked for.
        drifts: How often the saved learner has drifted; None where nothing watches it.
        last_drift: Events that it had learned at the last drift; None if there was none.
        stage: The first topic that the stage reads.
        waiting: Events that wait for their label; None where labels do not come late.
        unmatched: Labels that wait for their event.
        expired: Events that got no label in time, since the state began.
        unknown: Labels whose event did not come in time, since the state began.
        met: Labels that found their event, since the state began.
        entities: How many entities have a past.
        versions: Of a shared model: how many are on Kafka; None in another stage.
        written: When its learner was heard of last, in milliseconds since 1970.
        newest_mark: Of a mixed model: what the partition said last; None before its first mark.
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
    stage: str = ""
    waiting: int | None = None
    unmatched: int | None = None
    expired: int | None = None
    unknown: int | None = None
    met: int | None = None
    entities: int = 0
    versions: int | None = None
    written: int | None = None
    newest_mark: NewestMark | None = None


class _How(NamedTuple):
    """See the arguments of `inspect`."""

    snapshot_key: bytes | None
    with_weights: bool
    fingerprints_up_to: float


def inspect(
    pipeline: Pipeline,
    reader: Reader,
    snapshot_key: bytes | None = None,
    *,
    with_weights: bool = False,
    fingerprints_up_to: float = math.inf,
) -> list[PartitionReport]:
    """Report on each partition of each stage, in the order in which events go through them.

    A worker may go on meanwhile: then the state may be a little newer than the offsets.

    Args:
        pipeline: Which one.
        reader: Reads its topics.
        snapshot_key: Checks models that were signed.
        with_weights: Whether to read the weights too.
        fingerprints_up_to: Bytes of a model; above it none is made, which takes long.

    A partition whose state is damaged has a problem; it does not hide the others.

    Raises:
        ReadError: When a topic is not there, or cannot be read.
    """
    how = _How(snapshot_key, with_weights, fingerprints_up_to)
    return [
        report for stage in stages(pipeline) for report in _of_stage(pipeline, stage, reader, how)
    ]


def _of_stage(pipeline: Pipeline, stage: Stage, reader: Reader, how: _How) -> list[PartitionReport]:
    inputs = [_inputs(topic, reader) for topic in stage.inputs]
    states = _read(stage.state_topic, reader)
    reports = [
        _report(pipeline, stage, p, [each[p] for each in inputs], states.get(p), how)
        for p in sorted(inputs[0])
    ]
    if pipeline.learner.shared != "mix" or not stage.scores:
        return reports
    marks = newest_marks(pipeline, reader)
    return [_with_mark(report, marks.get(report.partition)) for report in reports]


def _with_mark(report: PartitionReport, newest: NewestMark | None) -> PartitionReport:
    problem = newest.problem if newest else None
    return replace(report, newest_mark=newest, problem=report.problem or problem)


def _inputs(topic: str, reader: Reader) -> dict[int, _Input]:
    committed, found = reader.committed(topic), Backlog(reader).of(topic, reader.starts(topic))
    return {p: _Input(committed[p], end, found.records[p]) for p, end in found.ends.items()}


def read_states(topic: str, reader: Reader) -> dict[int, dict[str, bytes]]:
    """Keys and whole values of the state of each partition that has one, from a state topic.

    Raises:
        ReadError: When the state topic is not there, or cannot be read.
        StateDamaged: When the state on Kafka is not whole.
    """
    states = _read(topic, reader)
    for state in states.values():
        if state.flaws:
            raise StateDamaged(state.place, state.flaws)
    return {partition: state.entries for partition, state in states.items()}


class _State(NamedTuple):
    """Of one partition: what could be read of it, and what is wrong; how many models were
    there, and when the last record was written."""

    place: str
    entries: dict[str, bytes]
    flaws: Sequence[Flaw]
    models: int = 0
    written: int | None = None


def _read(topic: str, reader: Reader) -> dict[int, _State]:
    readers: dict[int, StateReader] = {}
    models, written = Counter[int](), dict[int, int]()
    for record in reader.read(topic):
        number = record.partition() or 0
        models[number] += record.key() == MODEL.encode()
        written[number] = record.timestamp()[1]
        if number not in readers:
            readers[number] = StateReader(MemoryStore(), f"{topic}[{number}]")
        readers[number].apply(record.key(), record.value(), record.offset())
    flaws = {number: checked(one).flaws for number, one in readers.items()}
    return {
        number: _State(
            *(one.place, dict(one.store.beginning("")), flaws[number]),
            *(models[number], written[number]),
        )
        for number, one in readers.items()
    }


def _report(
    pipeline: Pipeline,
    stage: Stage,
    partition: int,
    inputs: Sequence[_Input],
    state: _State | None,
    how: _How,
) -> PartitionReport:
    entries = state.entries if state else {}
    size = len(entries.get(MODEL, b""))
    learner = partition if stage.shared else None
    model, problem = _learner(pipeline, entries.get(MODEL), how.snapshot_key, learner)
    if state and state.flaws:
        problem = f"the state is damaged: {StateDamaged(state.place, state.flaws)}"
    return PartitionReport(
        partition=partition,
        committed=inputs[0].committed,
        end=inputs[0].end,
        lag=sum(each.lag for each in inputs),
        learner=model.type if model else None,
        learned=model.learned if model else 0,
        fingerprint=model.fingerprint() if model and size <= how.fingerprints_up_to else None,
        model_bytes=size,
        state_bytes=sum(len(name.encode()) + len(value) for name, value in entries.items()),
        problem=problem,
        weights=weights(model) if model and how.with_weights else (),
        drifts=model.drifts if model else None,
        last_drift=model.last_drift if model else None,
        stage=stage.inputs[0],
        **(_labels(entries) if stage.joins else {}),
        entities=sum(1 for key in entries if key.startswith(ENTITY) and key.count("/") > 1),
        versions=state.models if stage.shared and state else None,
        written=state.written if stage.shared and state else None,
    )


def _labels(entries: Mapping[str, bytes]) -> dict[str, Any]:
    """What waits for its label or event, and what happened to labels."""
    found = Counter(_kind(value) for key, value in entries.items() if key.startswith(PREFIX))
    counts = _counts(entries.get(COUNTS))
    return {
        "waiting": found[Waiting],
        "unmatched": found[Early],
        "expired": counts.expired,
        "unknown": counts.unknown,
        "met": counts.learned,
    }


def _counts(saved: bytes | None) -> JoinCounts:
    try:
        return restored(saved)
    except msgspec.MsgspecError:  # a damaged entry; the report has a problem
        return JoinCounts()


def _kind(value: bytes) -> type | None:
    try:
        return type(decode(value))
    except msgspec.MsgspecError:  # a damaged entry; the report has a problem
        return None


def _learner(
    pipeline: Pipeline, snapshot: bytes | None, key: bytes | None, learner: int | None = None
) -> tuple[Model | None, str | None]:
    """The saved learner, or why it cannot be used; neither where there is none."""
    if snapshot is None:
        return None, None
    try:
        return loaded_model(pipeline, snapshot, key, learner), None
    except LearnerError as error:
        return None, str(error)
