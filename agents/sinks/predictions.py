"""Predictions as records, many at once and without an object for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice, zip_longest
from typing import Any, NamedTuple

import numpy as np

from agents.events.scanner import Spans
from agents.operations import Operations
from agents.sinks.scored import ScoredBatch
from agents.texts import FIRST_MARK, Template, Texts, encoded
from learners.engine import kernels
from learners.engine.kernels import Ints
from topics.codecs import FORMATS, Codec
from topics.records import ModelVersion, Prediction, Reason, Source, of_each, some

FEW = 32
"""Predictions that are encoded one by one sooner than a template is filled."""

COMMON = 6
"""Values of every prediction: id, prediction, score, version, partition, offset."""

_MODEL = 4
"""Of them, those up to the version."""

_NO_REASON = Reason("", 0.0)


class Shape(NamedTuple):
    """Which fields predictions have: those of one shape differ in some scalars only.

    Attributes:
        topic: Of the events.
        decided: Whether they have a decision.
        threshold: Whether they have a threshold.
        reasons: How many they have; None for no such field.
        baselines: Those whose scores they carry; None for no such field.
        learners: How many the model has whose versions they name; 0 for no such field.
    """

    topic: str
    decided: bool = False
    threshold: bool = False
    reasons: int | None = None
    baselines: tuple[str, ...] | None = None
    learners: int = 0

    def of(self, columns: Sequence[Any]) -> list[Any]:
        """Those of all columns that predictions of this shape have; see `_columns`."""
        decision, threshold, *more = columns[COMMON:]
        shares, more = more[: self.learners], more[self.learners :]
        reasons = more[: 2 * (self.reasons or 0)]
        baselines = more[len(more) - len(self.baselines or ()) :]
        some = [decision] * self.decided + [threshold] * self.threshold
        # In the order in which they are encoded: the versions of learners lie in `model`.
        return [*columns[:_MODEL], *shares, *columns[_MODEL:COMMON], *some, *reasons, *baselines]


class PredictionEncoder:
    """Encodes the predictions of a pipeline.

    Args:
        codec: The format.
        name: Of the pipeline.
        baselines: Whether predictions carry the scores of the baselines.
    """

    def __init__(self, codec: Codec, name: str, *, baselines: bool = False) -> None:
        self._codec = codec
        self._name = name
        self._baselines = baselines
        self._templates: dict[Shape, Template] = {}

    def warm_up(self) -> None:
        """Compile."""
        self._encode(ScoredBatch(Operations.of([], [], [])), few=False)

    def encode(self, scored: ScoredBatch) -> list[bytes]:
        """A value for each event."""
        return self._encode(scored, few=len(scored) < FEW)

    def _encode(self, scored: ScoredBatch, *, few: bool) -> list[bytes]:
        names = tuple(scored.baselines or ()) if self._baselines else None
        columns = _columns(scored, names or ())
        shapes, which = _shapes(scored, names)
        if few or kernels.njit is None or self._codec.name not in FORMATS:
            rows = zip(which.tolist(), zip(*columns, strict=True), strict=True)
            return [self._codec.encode(self._prediction(shapes[s], row)) for s, row in rows]
        texts = [self._texts(column) for column in columns]
        if len(shapes) == 1:
            return self._fill(shapes[0], texts)
        values = [b""] * len(scored)
        for number, shape in enumerate(shapes):
            rows_of_it = np.flatnonzero(which == number)
            some = [Texts(text.data, text.spans[rows_of_it]) for text in texts]
            for at, value in zip(rows_of_it.tolist(), self._fill(shape, some), strict=True):
                values[at] = value
        return values

    def _texts(self, column: Sequence[Any]) -> Texts:
        """Ids as they stand in the events, where they were read there in the same format."""
        if isinstance(column, Spans) and column.format == self._codec.name:
            return Texts(np.frombuffer(column.data, np.uint8), column.spans)
        return encoded(self._codec.name, list(column))

    def _fill(self, shape: Shape, columns: Sequence[Texts]) -> list[bytes]:
        chosen = shape.of(range(len(columns)))
        if shape not in self._templates:
            marks = range(FIRST_MARK, FIRST_MARK + len(columns))
            sample = self._codec.encode(self._prediction(shape, marks))
            encoded_marks = [self._codec.encode(marks[i]) for i in chosen]
            self._templates[shape] = Template(sample, encoded_marks)
        return self._templates[shape].fill([columns[i] for i in chosen])

    def _prediction(self, shape: Shape, row: Sequence[Any]) -> Prediction:
        """From the values of all columns; those that the shape does not have are left out."""
        values = iter(shape.of(row))
        id_, prediction, score, version = islice(values, _MODEL)
        shares = tuple(islice(values, shape.learners)) or None
        partition, offset = islice(values, COMMON - _MODEL)
        return Prediction(
            id_,
            prediction,
            score,
            ModelVersion(self._name, version, shares),
            Source(shape.topic, partition, offset),
            next(values) if shape.decided else None,
            next(values) if shape.threshold else None,
            _reasons(values, shape.reasons),
            None if shape.baselines is None else dict(zip(shape.baselines, values, strict=True)),
        )


def _reasons(values: Iterator[Any], count: int | None) -> tuple[Reason, ...] | None:
    if count is None:
        return None
    return tuple([Reason(next(values), next(values)) for _ in range(count)])


def _columns(scored: ScoredBatch, names: Sequence[str]) -> list[Sequence[Any]]:
    """`COMMON`, decision, threshold, the version of each of several learners, feature and
    contribution of each reason, baselines."""
    partitions, offsets = _sources(scored)
    common = scored.ids, scored.predictions, scored.scores, scored.versions, partitions, offsets
    nothing = [None] * len(scored)
    columns = [*common, scored.decisions or nothing, scored.thresholds or nothing]
    columns += map(list, zip(*scored.shares, strict=True))
    for ranked in zip_longest(*scored.reasons, fillvalue=_NO_REASON):
        columns += [[r.feature for r in ranked], [r.contribution for r in ranked]]
    return columns + [(scored.baselines or {})[name] for name in names]


def _sources(scored: ScoredBatch) -> tuple[Sequence[int], Sequence[int]]:
    """Partition and offset of each event."""
    records, origin = scored.operations.records, scored.operations.origin
    if len(scored) < len(records):
        records = some(records, scored.at.tolist())
    offsets = [offset or 0 for offset in of_each(records, "offset")]
    if origin is not None:
        return [origin[1]] * len(records), offsets
    return [partition or 0 for partition in of_each(records, "partition")], offsets


def _shapes(scored: ScoredBatch, names: Sequence[str] | None) -> tuple[list[Shape], Ints]:
    """The shapes of the predictions, and which each has."""
    count, reasons = len(scored), scored.reasons
    decided = bool(scored.decisions) and scored.decisions[0] is not None
    learners = len(scored.shares[0]) if scored.shares else 0
    common = partial(Shape, _topic(scored), decided, learners=learners)
    baselines = None if names is None else tuple(names)
    if not scored.thresholds and not reasons:
        return [common(baselines=baselines)], np.zeros(count, np.int64)
    thresholds = [t is not None for t in scored.thresholds] or [False] * count
    counts: list[int] | list[None] = list(map(len, reasons)) or [None] * count
    pairs = list(zip(thresholds, counts, strict=True))
    known = {pair: i for i, pair in enumerate(dict.fromkeys(pairs))}
    shapes = [common(threshold, few, baselines) for threshold, few in known]
    return shapes, np.array([known[pair] for pair in pairs], np.int64)


def _topic(scored: ScoredBatch) -> str:
    operations = scored.operations
    if operations.origin is not None:
        return operations.origin[0]
    return operations.records[int(scored.at[0])].topic() or "" if len(scored) else ""
