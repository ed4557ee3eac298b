"""Compares the predictions on Kafka with the labels on Kafka, and counts them.

Every event that the group has passed must have one prediction or one dead letter: whoever wants
to check the promise of exactly once finds the exceptions counted here.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from app.evaluation import passage
from app.evaluation.measures import Labelled, calibration, measure
from app.evaluation.passage import Guess, Place
from app.evaluation.truth import Truth
from app.evaluation.verdicts import Verdict, WindowFigures, by_window, over_all
from app.pipeline.load import Pipeline
from app.reading import Reader
from learners import registry
from learners.base import Task
from learners.model import Model
from topics.codecs import Codec
from topics.errors import DecodeError


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


@dataclass(frozen=True)
class Span:
    """The events of a time, in milliseconds since 1970; `until` is not in it."""

    since: float = -math.inf
    until: float = math.inf

    def __contains__(self, time: int) -> bool:
        return self.since <= time < self.until


ALL = Span()


def evaluate(pipeline: Pipeline, reader: Reader, span: Span = ALL) -> Evaluation:
    """Read the topics of `pipeline` to their ends, and compare.

    Args:
        pipeline: Which one.
        reader: Reads its topics.
        span: The other events are left out, of counts and metrics.

    Raises:
        ReadError: When a topic is not there, or cannot be read.
    """
    learner = pipeline.learner
    model = registry.create(
        learner.type, learner.params, learner.scale, learner.drift, learner.tables
    )
    # The offsets come first: all that they stand for is on the topics when those are read.
    committed = reader.committed(pipeline.events.topic)
    on_the_way = passage.on_the_way(pipeline, reader)
    guesses, extra = passage.guesses(pipeline, reader)
    set_aside = passage.set_aside(pipeline, reader)
    status = passage.status_of(pipeline, committed, guesses.keys() | set_aside)
    verdicts, counts, outside = _verdicts(pipeline, reader, model, guesses, span, status)
    labelled = Labelled()
    for verdict in verdicts:
        if verdict.label is not None:
            labelled.add(verdict.label, guesses[verdict.place])
    inside = guesses.keys() - outside
    windows = by_window(model.task, verdicts, pipeline.metrics) if pipeline.metrics else []
    late = min(counts["missing"], on_the_way)
    return Evaluation(
        pipeline=pipeline.name,
        task=model.task,
        events=counts["events"],
        predictions=len(inside),
        dead_letters=len(set_aside - outside),
        waiting=counts["waiting"] + late,
        skipped=counts["skipped"],
        missing=counts["missing"] - late,
        duplicates=sum(n for place, n in extra.items() if place not in outside),
        labelled=len(labelled.labels),
        metrics=measure(model.task, labelled, [guesses[place].score for place in inside])
        | (calibration(model.task, labelled) | over_all(windows) if windows else {}),
        windows=windows,
    )


def _verdicts(
    pipeline: Pipeline,
    reader: Reader,
    model: Model,
    guesses: Mapping[Place, Guess],
    span: Span,
    status: Callable[[Place], str],
) -> tuple[list[Verdict], Counter[str], set[Place]]:
    """The predicted events of the span, its counts, and the events outside of it."""
    events, metrics = pipeline.events, pipeline.metrics
    decode = Codec(events.format).decode
    truth = Truth(pipeline, reader, model)
    verdicts: list[Verdict] = []
    counts, outside = Counter[str](), set[Place]()
    for record in reader.read(events.topic):
        truth.saw(record)
        place, (_, time) = (record.partition() or 0, record.offset() or 0), record.timestamp()
        if time not in span:
            outside.add(place)
            continue
        counts["events"] += 1
        counts[status(place)] += 1
        if place not in guesses:
            continue
        try:
            fields = decode(record.value())
            label = truth.of(fields.get(events.id), fields)
        except (DecodeError, AttributeError, TypeError):
            continue
        verdicts.append(
            Verdict(
                time,
                place,
                *guesses[place],
                label,
                fields.get(metrics.entity) if metrics else None,
                fields.get(metrics.amount) if metrics else None,
            )
        )
    return [_at_the_end(verdict, truth) for verdict in verdicts], counts, outside


def _at_the_end(verdict: Verdict, truth: Truth) -> Verdict:
    if verdict.label is not None:
        return verdict
    label = truth.expired(verdict.place[0], verdict.time)
    return verdict if label is None else replace(verdict, label=label)
