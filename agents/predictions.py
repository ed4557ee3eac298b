"""Predictions as records, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.events.reader import Events
from agents.events.scanner import Spans
from agents.texts import Template, Texts, encoded
from learners.engine import kernels
from learners.model import UNLABELLED, Scored
from topics.codecs import Codec
from topics.records import ModelVersion, Prediction, Source

MARKS = tuple(range(8_123_456_789_012_345_601, 8_123_456_789_012_345_606))
"""Stand for the five values of a prediction that differ from event to event."""


@dataclass(slots=True)
class ScoredEvents:
    """Events that were scored, as columns of one length.

    Attributes:
        index: Where in the batch each stands.
        ids: Their ids.
        predictions, scores: What the model said of each.
        versions: How many events it had learned before each.
    """

    index: Sequence[int]
    ids: Sequence[Any]
    predictions: Sequence[Any]
    scores: Sequence[Any]
    versions: Sequence[int]


def without_failures(events: Events, scored: Scored, version: int) -> ScoredEvents:
    """The events that could be scored.

    Args:
        events: What was to be scored.
        scored: What came of it.
        version: How many events the model had learned before the first.
    """
    index, ids, labels = events.index, events.ids, events.labels
    predictions, scores = scored.predictions, scored.scores
    if scored.failures:
        good = [i for i in range(len(index)) if i not in scored.failures]
        index, ids, labels = ([column[i] for i in good] for column in (index, ids, labels))
        predictions, scores = ([column[i] for i in good] for column in (predictions, scores))
    return ScoredEvents(index, ids, predictions, scores, _versions(labels, version))


def _versions(labels: Sequence[Any], first: int) -> Sequence[int]:
    unlabelled = labels.count(UNLABELLED)
    if not unlabelled:
        return range(first, first + len(labels))
    if unlabelled == len(labels):
        return [first] * len(labels)
    learned = np.array([label is not UNLABELLED for label in labels])
    before: list[int] = (first + np.cumsum(learned) - learned).tolist()
    return before


class PredictionEncoder:
    """Encodes the predictions of one partition.

    Args:
        codec: The format.
        name: Of the pipeline.
        topic, partition: Of the events.
    """

    def __init__(self, codec: Codec, name: str, topic: str, partition: int) -> None:
        self._codec = codec
        self._name, self._topic, self._partition = name, topic, partition
        sample = self._one(*MARKS)
        self._template = Template(sample, [codec.encode(mark) for mark in MARKS])

    def encode(self, scored: ScoredEvents, offsets: Sequence[int]) -> list[bytes]:
        """A value for each event; `offsets` are those of the events."""
        columns = (scored.predictions, scored.scores, scored.versions, offsets)
        if kernels.njit is None:
            return [self._one(*row) for row in zip(scored.ids, *columns, strict=True)]
        texts = [encoded(self._codec.name, column) for column in columns]
        return self._template.fill([self._ids(scored.ids), *texts])

    def _one(self, id_: Any, prediction: Any, score: Any, version: int, offset: int) -> bytes:
        model = ModelVersion(self._name, version)
        source = Source(self._topic, self._partition, offset)
        return self._codec.encode(Prediction(id_, prediction, score, model, source))

    def _ids(self, ids: Sequence[Any]) -> Texts:
        """As they stand in the events, where they were read there in the same format."""
        if isinstance(ids, Spans) and ids.format == self._codec.name:
            return Texts(np.frombuffer(ids.data, np.uint8), ids.spans)
        return encoded(self._codec.name, list(ids))
