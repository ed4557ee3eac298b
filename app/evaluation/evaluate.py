"""Compares the predictions on Kafka with the labels on Kafka, and counts them.

Every event that the group has passed must have one prediction or one dead letter: exceptions to
the promise of exactly once are counted here.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from app.evaluation import passage
from app.evaluation.measures import Labelled, calibration, measure
from app.evaluation.naive import yardsticks
from app.evaluation.passage import Guess, Guesses, Place
from app.evaluation.topics import Topics
from app.evaluation.truth import Truth
from app.evaluation.verdicts import Verdict, WindowFigures, by_window, over_all
from app.kafka.reading import Reader
from app.pipeline.load import Pipeline
from app.pipeline.models import new_model
from app.pipeline.topics import codec_of
from learners.base import Task
from topics.errors import DecodeError
from topics.records import Record


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
        learned: Events that the saved models have learned, whatever the span; None: not known.
        of_other_events: Predictions at the place of an event that has another id.
        gaps: Offsets of the events without a record: markers of transactions, and what
            compaction deleted.
        label_dead_letters: Labels that were set aside, whatever the span.
        labels_elsewhere: Labels on another partition than their event: they are never learned.
        labels_unmatched: Labels without any event; None where a span leaves events out.
        labels: Of the labels topic, one for each id; None without one, or with a span.
        labels_met: How many of them are where their event is, so that they are learned.
        metrics: By name; nan where one is not defined.
        windows: Of event time, in their order; empty without [metrics].
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
    windows: Sequence[WindowFigures] = ()
    learned: int | None = None
    of_other_events: int = 0
    gaps: int = 0
    label_dead_letters: int = 0
    labels_elsewhere: int = 0
    labels_unmatched: int | None = None
    labels: int | None = None
    labels_met: int | None = None


@dataclass(frozen=True)
class Span:
    """The events of a time, in milliseconds since 1970; `until` is not in it."""

    since: float = -math.inf
    until: float = math.inf

    def __contains__(self, time: int) -> bool:
        return self.since <= time < self.until


ALL = Span()


class Evaluated(NamedTuple):
    """An evaluation, and what it is made of: a verdict for each prediction of the span."""

    evaluation: Evaluation
    verdicts: list[Verdict]


def evaluate(pipeline: Pipeline, reader: Reader, span: Span = ALL) -> Evaluation:
    """Read the topics of `pipeline` to their ends, and compare.

    Args:
        pipeline: Which one.
        reader: Reads its topics.
        span: The other events are left out, of counts and metrics.

    Raises:
        ReadError: When a topic is not there, or cannot be read.
    """
    found, _ = evaluate_topics(pipeline, reader, span)
    return replace(found, learned=passage.learned(pipeline, reader))


def evaluate_topics(pipeline: Pipeline, reader: Topics, span: Span = ALL) -> Evaluated:
    """As `evaluate`, of any topics, and without the number of learned events."""
    model = new_model(pipeline)
    # The offsets come first: all that they stand for is on the topics when those are read.
    committed = reader.committed(pipeline.events.topic)
    on_the_way = passage.on_the_way(pipeline, reader)
    guesses = passage.guesses(pipeline, reader)
    set_aside, label_letters = passage.set_aside(pipeline, reader)
    status = passage.status_of(pipeline, committed, guesses.first.keys() | set_aside)
    truth = Truth(pipeline, reader, model)
    events = _Events(pipeline, truth, guesses, set_aside, status)
    for record in reader.read(pipeline.events.topic):
        events.take(record, inside=record.timestamp()[1] in span)
    verdicts = [_at_the_end(verdict, truth) for verdict in events.verdicts]
    labelled = Labelled()
    for verdict in verdicts:
        if verdict.label is not None:
            labelled.add(verdict.label, Guess(verdict.prediction, verdict.score, verdict.decision))
    inside = guesses.first.keys() - events.outside - events.foreign
    scores = [guesses.first[place].score for place in inside]
    scores += [guess.score for guess in events.refound]
    windows = by_window(model.task, verdicts, pipeline.metrics) if pipeline.metrics else []
    counts, late = events.counts, min(events.counts["missing"], on_the_way)
    share = truth.share if span == ALL and pipeline.labels else None
    evaluation = Evaluation(
        pipeline=pipeline.name,
        task=model.task,
        events=counts["events"],
        predictions=len(scores),
        dead_letters=len(set_aside - events.outside),
        waiting=counts["waiting"] + late,
        skipped=counts["skipped"],
        missing=counts["missing"] - late,
        duplicates=sum(n for at, n in guesses.extra.items() if at not in events.outside),
        labelled=len(labelled.labels),
        of_other_events=len(events.foreign),
        gaps=events.gaps,
        label_dead_letters=label_letters,
        labels_elsewhere=truth.elsewhere,
        labels_unmatched=truth.unmatched if share else None,
        labels=share.of if share else None,
        labels_met=share.met if share else None,
        metrics=measure(model.task, labelled, scores)
        | yardsticks(model.task, verdicts)
        | (calibration(model.task, labelled) | over_all(windows) if windows else {}),
        windows=windows,
    )
    return Evaluated(evaluation, verdicts)


class _Events:
    """Goes through the events, and looks for the prediction and the label of each.

    Attributes:
        verdicts: Of the predicted events of the span.
        counts: Of the events of the span.
        outside: The places of the others.
        foreign: Places of the span whose first prediction is of an event with another id.
        refound: The predictions that the events at these places have all the same.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        truth: Truth,
        guesses: Guesses,
        set_aside: Set[Place],
        status: Callable[[Place], str],
    ) -> None:
        self._id, self._metrics = pipeline.events.id, pipeline.metrics
        self._decode = codec_of(pipeline, "events").decode
        self._truth, self._guesses = truth, guesses
        self._set_aside, self._status = set_aside, status
        self._spans: dict[int, tuple[int, int]] = {}
        self._records = 0
        self.verdicts: list[Verdict] = []
        self.counts = Counter[str]()
        self.outside, self.foreign = set[Place](), set[Place]()
        self.refound: list[Guess] = []

    def take(self, record: Record, *, inside: bool) -> None:
        """Take the next event."""
        self._truth.saw(record)
        place = self._place(record)
        if not inside:
            self.outside.add(place)
            return
        self.counts["events"] += 1
        fields = self._fields(record)
        id_ = fields.get(self._id) if self._id is not None else None
        id_ = id_ if isinstance(id_, str | int) else None
        guess = self._guesses.of(place, id_)
        if place in self._guesses.first and guess is not self._guesses.first[place]:
            self.foreign.add(place)
            self.refound += [guess] if guess is not None else []
        label = self._truth.of(id_, place[0], fields)
        if guess is not None:
            known_at = self._truth.known_at(id_)
            self.verdicts.append(self._verdict(record, place, guess, label, fields, known_at))
        elif place not in self._set_aside:
            self.counts[self._status(place)] += 1

    @property
    def gaps(self) -> int:
        """Offsets between the first and the last record of each partition that have none."""
        return sum(last - first + 1 for first, last in self._spans.values()) - self._records

    def _place(self, record: Record) -> Place:
        partition, offset = place = record.partition() or 0, record.offset() or 0
        first, _ = self._spans.get(partition, (offset, offset))
        self._spans[partition] = min(first, offset), offset
        self._records += 1
        return place

    def _fields(self, record: Record) -> Mapping[Any, Any]:
        """The fields of an event; none of one that is no map."""
        try:
            fields = self._decode(record.value())
        except DecodeError:
            return {}
        return fields if isinstance(fields, dict) else {}

    def _verdict(
        self,
        record: Record,
        place: Place,
        guess: Guess,
        label: Any,
        fields: Mapping[Any, Any],
        known_at: int | None,
    ) -> Verdict:
        metrics = self._metrics
        return Verdict(
            record.timestamp()[1],
            place,
            guess.prediction,
            guess.score,
            guess.decision,
            label,
            fields.get(metrics.entity) if metrics else None,
            fields.get(metrics.amount) if metrics else None,
            known_at,
        )


def _at_the_end(verdict: Verdict, truth: Truth) -> Verdict:
    if verdict.label is not None:
        return verdict
    label = truth.expired(verdict.place[0], verdict.time)
    if label is None:
        return verdict
    return replace(verdict, label=label, known_at=truth.expiry(verdict.time))
