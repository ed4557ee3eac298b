"""Score every event, then learn from it."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from agents.errors import LearnRefused, Refusal
from agents.events.reader import EventReader, Events, Failure
from agents.outputs import Outputs, Pair, Refused
from learners.model import UNLABELLED, LearnFailed, Model, Scored
from topics.codecs import Codec
from topics.dead_letters import dead_letter
from topics.records import Batch, ModelVersion, Outgoing, Prediction, Record, Source


class Score:
    """The score agent of one partition: decode, validate, predict, learn, publish.

    Args:
        name: Of the pipeline; predictions carry it.
        model: The model of this partition; it is changed in place.
        reader: Reads events from raw records.
        codec: The format of the predictions.
        dead_letters: The topic for what is set aside.
    """

    def __init__(
        self, name: str, model: Model, reader: EventReader, codec: Codec, dead_letters: str
    ) -> None:
        self.name = name
        self.model = model
        self._reader = reader
        self._encode = codec.encode
        self._dead_letters = dead_letters

    def save(self) -> None:
        """Nothing: the model is all that changes, and who runs the agent saves that."""

    def process(self, batch: Batch, refused: Refused = MappingProxyType({})) -> Outputs:
        """Score and learn the events of ``batch``, one after another; see ``Agent``."""
        records, failures = _set_aside(batch.records, refused)
        letters = self._letters(batch.records, failures)
        if not records:
            return Outputs(dead_letters=letters)
        events, failures = self._reader.read(records)
        version = self.model.learned
        try:
            scored = self.model.run(events.rows, events.labels)
        except LearnFailed as error:
            record = records[events.index[error.index]]
            raise LearnRefused(Refusal.of(record), error.cause) from error
        failures += [Failure(events.index[i], "predict", e) for i, e in scored.failures.items()]
        letters += self._letters(records, failures)
        predictions = self._predictions(batch, records, events, scored, version)
        return Outputs(predictions, letters, self.model.learned - version)

    def _predictions(
        self, batch: Batch, records: Sequence[Record], events: Events, scored: Scored, version: int
    ) -> list[Pair]:
        encode, name, topic, partition = self._encode, self.name, batch.topic, batch.partition
        predictions = []
        for place, (at, id_, label, prediction, score) in enumerate(
            zip(
                events.index,
                events.ids,
                events.labels,
                scored.predictions,
                scored.scores,
                strict=True,
            )
        ):
            if place in scored.failures:
                continue
            record = records[at]
            source = Source(topic, partition, record.offset() or 0)
            value = Prediction(id_, prediction, score, ModelVersion(name, version), source)
            predictions.append((record.key(), encode(value)))
            version += label is not UNLABELLED
        return predictions

    def _letters(self, records: Sequence[Record], failures: Sequence[Failure]) -> list[Outgoing]:
        return [
            dead_letter(self._dead_letters, records[failure.index], failure.stage, failure.error)
            for failure in sorted(failures, key=lambda failure: failure.index)
        ]


def _set_aside(
    records: Sequence[Record], refused: Refused
) -> tuple[Sequence[Record], list[Failure]]:
    """The records without the refused ones, and the failures of those (indices into all)."""
    if not refused:
        return records, []
    failures: list[Failure] = []
    kept: list[Any] = []
    for i, record in enumerate(records):
        error = refused.get(Refusal.of(record))
        if error is None:
            kept.append(record)
        else:
            failures.append(Failure(i, "learn", error))
    return kept, failures
