"""Compares the predictions on Kafka with the labels on Kafka, and counts them.

Every event that the group has passed must have one prediction or one dead letter: whoever wants
to check the promise of exactly once finds the exceptions counted here.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from app.pipeline.load import Pipeline
from app.reading import Reader, ReadError
from learners import metrics, registry
from learners.base import Task
from learners.errors import LabelError
from learners.labels import check_label
from learners.model import Model
from topics.codecs import UNDECODABLE, Codec
from topics.dead_letters import reason
from topics.errors import DecodeError
from topics.records import Record, Source

Place = tuple[int, int]
"""Partition and offset of an event."""


@dataclass(frozen=True)
class Evaluation:
    """What a pipeline has predicted, and how well.

    Attributes:
        pipeline: Its name.
        task: Of its learner.
        events: On the events topic, as far as they are still there.
        predictions: For how many events there is at least one.
        dead_letters: Events that were set aside.
        waiting: Events that the workers have not passed yet.
        skipped: Events from before a start at "latest".
        missing: Passed events without prediction and dead letter; 0 is the promise.
        duplicates: Predictions beyond the first of an event; 0 is the promise.
        labelled: Predictions whose event has a label that the learner takes.
        metrics: By name; nan where one is not defined.
    """

    pipeline: str
    task: Task
    events: int
    predictions: int
    dead_letters: int
    waiting: int
    skipped: int
    missing: int
    duplicates: int
    labelled: int
    metrics: Mapping[str, float]


class Guess(NamedTuple):
    """What a prediction says about its event."""

    prediction: Any
    score: float | None


class _Guess(msgspec.Struct):
    prediction: Any
    score: float | None
    source: Source


@dataclass
class Labelled:
    """Labels with their predictions, and those of them that have a score."""

    labels: list[Any] = field(default_factory=list)
    predictions: list[Any] = field(default_factory=list)
    scored_labels: list[Any] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)

    def add(self, label: Any, guess: Guess) -> None:
        """Take one pair in."""
        self.labels.append(label)
        self.predictions.append(guess.prediction)
        if guess.score is not None:
            self.scored_labels.append(label)
            self.scores.append(guess.score)


def evaluate(pipeline: Pipeline, reader: Reader) -> Evaluation:
    """Read the topics of `pipeline` to their ends, and compare.

    Raises:
        ReadError: When a topic is not there, or cannot be read.
    """
    learner = pipeline.learner
    model = registry.create(
        learner.type, learner.params, learner.scale, learner.drift, learner.tables
    )
    # The offsets come first: all that they stand for is on the topics when those are read.
    committed = reader.committed(pipeline.events.topic)
    guesses, duplicates = _guesses(pipeline, reader)
    set_aside = _set_aside(pipeline, reader)
    status = _status_of(pipeline, committed, guesses.keys() | set_aside)
    label_of = _label_of(pipeline, model)
    labelled, counts = Labelled(), Counter[str]()
    for record in reader.read(pipeline.events.topic):
        place = (record.partition() or 0, record.offset() or 0)
        counts["events"] += 1
        counts[status(place)] += 1
        label = label_of(record.value()) if place in guesses else None
        if label is not None:
            labelled.add(label, guesses[place])
    return Evaluation(
        pipeline=pipeline.name,
        task=model.task,
        events=counts["events"],
        predictions=len(guesses),
        dead_letters=len(set_aside),
        waiting=counts["waiting"],
        skipped=counts["skipped"],
        missing=counts["missing"],
        duplicates=duplicates,
        labelled=len(labelled.labels),
        metrics=measure(model.task, labelled, [guess.score for guess in guesses.values()]),
    )


def measure(
    task: Task, pairs: Labelled, all_scores: Iterable[float | None] = ()
) -> dict[str, float]:
    """The metrics of a task; `all_scores` are those of predictions with and without a label."""
    truth, scores = pairs.scored_labels, pairs.scores
    if task == "binary":
        return {
            "roc_auc": metrics.roc_auc(truth, scores),
            "average_precision": metrics.average_precision(truth, scores),
            "log_loss": metrics.log_loss(truth, scores),
            "accuracy": metrics.accuracy(pairs.labels, pairs.predictions),
            "f1": metrics.f1(pairs.labels, pairs.predictions),
            "positives": sum(pairs.labels),
        }
    if task == "multiclass":
        return {
            "accuracy": metrics.accuracy(pairs.labels, pairs.predictions),
            "macro_f1": metrics.macro_f1(pairs.labels, pairs.predictions),
        }
    if task == "regression":
        return {
            "mae": metrics.mae(truth, scores),
            "rmse": metrics.rmse(truth, scores),
            "r2": metrics.r2(truth, scores),
        }
    known = [score for score in all_scores if score is not None]
    mean = {"mean_score": math.fsum(known) / len(known) if known else math.nan}
    return mean | ({"roc_auc": metrics.roc_auc(truth, scores)} if truth else {})


def _guesses(pipeline: Pipeline, reader: Reader) -> tuple[dict[Place, Guess], int]:
    """The first prediction of each event, and how many there are beyond those."""
    decode: Callable[[bytes], _Guess] = Codec(pipeline.predictions.format).decoder(_Guess)
    guesses: dict[Place, Guess] = {}
    duplicates = 0
    for record in reader.read(pipeline.predictions.topic):
        guess = _decoded(decode, record)
        if guess.source.topic != pipeline.events.topic:
            continue
        place = (guess.source.partition, guess.source.offset)
        duplicates += place in guesses
        guesses.setdefault(place, Guess(guess.prediction, guess.score))
    return guesses, duplicates


def _decoded(decode: Callable[[bytes], _Guess], record: Record) -> _Guess:
    try:
        return decode(record.value())
    except UNDECODABLE as error:
        where = f"{record.topic()}[{record.partition()}]@{record.offset()}"
        raise ReadError(f"{where}: is no prediction: {error}") from None


def _set_aside(pipeline: Pipeline, reader: Reader) -> set[Place]:
    reasons = (reason(record.headers() or []) for record in reader.read(pipeline.dead_letter_topic))
    return {(r.partition, r.offset) for r in reasons if r.topic == pipeline.events.topic}


def _status_of(
    pipeline: Pipeline, committed: Mapping[int, int | None], done: Set[Place]
) -> Callable[[Place], str]:
    """Tells an event's status by its place: done, missing, waiting or skipped."""
    first: dict[int, int] = {}
    for partition, offset in done:
        first[partition] = min(offset, first.get(partition, offset))
    skips = pipeline.worker.start == "latest"

    def status(place: Place) -> str:
        partition, offset = place
        if place in done:
            return "done"
        if offset >= (committed.get(partition) or 0):
            return "waiting"
        return "skipped" if skips and offset < first.get(partition, math.inf) else "missing"

    return status


def _label_of(pipeline: Pipeline, model: Model) -> Callable[[bytes | None], Any]:
    """Reads the label from an event, as the learner takes it; None where there is none."""
    decode, name = Codec(pipeline.events.format).decode, pipeline.events.label
    ranks_only = model.task in ("clustering", "anomaly")

    def label(value: bytes | None) -> Any:
        try:
            raw = decode(value).get(name)
            if ranks_only:
                return check_label("binary", raw)
            return None if raw is None else model.check_label(raw)
        except (DecodeError, LabelError, AttributeError):
            return None

    return label
