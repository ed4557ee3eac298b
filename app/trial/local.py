"""A pipeline as an object, for notebooks and tests: event by event, or over a data frame."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

from agents.errors import LearnRefused
from app.errors import RiverrunError
from app.pipeline.load import load_pipeline
from app.pipeline.stages import merged_topics
from app.pipeline.topics import codec_of
from app.replay.times import parse_time
from app.trial.records import START, TrialRecord
from app.trial.run import Chain, alone
from learners.model import Model
from topics.dead_letters import reason
from topics.records import Batch

Fields = Mapping[str, Any]


class Rejected(RiverrunError, ValueError):
    """What a worker would make a dead letter of, with the reason."""


class LocalPipeline:
    """The agents of a worker with one partition, without Kafka.

    What comes, happens: an event counts for its entities, and is learned where it has its label.

    Args:
        file: A pipeline file.
        time: The field with the times of events and labels: seconds since 1970 or ISO 8601.
            None: each is a millisecond after the one before.
        settings: Above those of the file, by their dotted keys, as for `--set`.

    Raises:
        PipelineError: As for a worker.
    """

    def __init__(
        self,
        file: str | os.PathLike[str],
        time: str | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.pipeline = alone(load_pipeline(file, settings))
        self._chain = Chain(self.pipeline, {})
        self._time, self._numbers = time, count()
        self._ends = Counter[str]()
        self._merged = merged_topics(self.pipeline)

    @property
    def model(self) -> Model:
        """What has learned."""
        return self._chain.model

    def predict_one(self, event: Fields) -> dict[str, Any]:
        """The prediction for an event, as on the topic; a label in it is left out.

        Raises:
            Rejected: For an event that cannot be used.
        """
        name = self.pipeline.events.label
        return self._happens("events", {k: v for k, v in event.items() if k != name}) or {}

    def learn_one(self, event: Fields) -> dict[str, Any] | None:
        """Take an event with its label, or, with [labels], the record of a label.

        Returns:
            The prediction for the event, made before it was learned; None for a late label.

        Raises:
            Rejected: For what cannot be used or learned.
        """
        return self._happens("labels" if self.pipeline.labels else "events", event)

    def run(self, rows: Any) -> list[dict[str, Any] | None]:
        """The predictions of the rows of a data frame, or of dicts; None for a rejected one.

        Args:
            rows: Of events: a data frame of pandas or Polars, a table of Arrow, or dicts.
        """
        found: list[dict[str, Any] | None] = []
        for row in _dicts(rows):
            try:
                found.append(self._happens("events", row))
            except Rejected:
                found.append(None)
        return found

    def _happens(self, role: Any, fields: Fields) -> dict[str, Any] | None:
        outputs = []
        try:
            outputs = list(self._chain.process(self._batch(role, fields)))
        except LearnRefused as error:
            raise Rejected(f"{error.cause}: the learner is void, make the pipeline anew") from error
        for sent in (letter for each in outputs for letter in each.dead_letters):
            why = reason(sent.headers or [])
            raise Rejected(f"{why.stage}: {why.message}")
        said = [value for each in outputs for _, value in each.predictions]
        return codec_of(self.pipeline, "predictions").decode(said[-1]) if said else None

    def _batch(self, role: Any, fields: Fields) -> Batch:
        table = self.pipeline.labels if role == "labels" else self.pipeline.events
        assert table is not None
        number, topic, key = next(self._numbers), table.topic, self.pipeline.events.key
        time = START + number if self._time is None else parse_time(fields[self._time])
        value = codec_of(self.pipeline, role).encode(dict(fields))
        named = str(fields[key]).encode() if key and key in fields else None
        record = TrialRecord(topic, self._ends[topic], named, value, time)
        self._ends[topic] += 1
        if not self._merged:
            return Batch(topic, 0, [record], number=number)
        ends, places = {topic: self._ends[topic]}, [number]
        return Batch(self._merged[0], 0, [record], number=number, ends=ends, places=places)


def _dicts(rows: Any) -> Iterable[Fields]:
    """The rows of a data frame as dicts; a missing cell is an absent field."""
    for name in ("to_dicts", "to_pylist"):
        if hasattr(rows, name):
            rows = getattr(rows, name)()
    if hasattr(rows, "to_dict"):
        rows = rows.to_dict("records")
    return ({k: v for k, v in row.items() if v is not None and v == v} for row in rows)
